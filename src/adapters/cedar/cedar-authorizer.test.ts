import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs';

import {
  type AccessAction,
  type AccessResource,
  serverActions,
  serviceActions,
} from '../../domain/identity/access-action.ts';
import type { Role } from '../../domain/identity/role.ts';
import type { ServiceScope } from '../../domain/identity/service-scope.ts';
import type { Authorizer } from '../../ports/authorizer.ts';
import { openCedarAuthorizer } from './cedar-authorizer.ts';
import { PolicyError, shippedFiles } from './policy-files.ts';

const checkout: AccessResource = { kind: 'service', namespace: 'default', name: 'checkout' };
const server: AccessResource = { kind: 'server' };

function asks(role: Role, action: AccessAction, resource: AccessResource, ...scopes: string[]) {
  const subject = { person: 'ann', role, scopes: scopes as ServiceScope[] };
  return { subject, action, resource };
}

describe('the policies', () => {
  let folder = '';
  let shipped: Authorizer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-cedar-'));
    shipped = await openCedarAuthorizer(null);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const own = async (text: string): Promise<Authorizer> => {
    await writeFile(join(folder, 'own.cedar'), text);
    return openCedarAuthorizer(folder);
  };

  test('may speak of the very actions that the program knows', async () => {
    const { schema } = await shippedFiles();
    const answer = schemaToJson(schema.text);
    assert.ok(answer.type === 'success');
    const actions = Object.entries(answer.json['Tidegate']?.actions ?? {});
    const of = (type: string) =>
      actions.filter(([, { appliesTo }]) => appliesTo?.resourceTypes.includes(type));
    assert.deepEqual(
      of('Service')
        .map(([name]) => name)
        .toSorted(),
      [...serviceActions].toSorted(),
    );
    assert.deepEqual(
      of('Server')
        .map(([name]) => name)
        .toSorted(),
      [...serverActions].toSorted(),
    );
  });

  test('refuse what none permits, and say so', () => {
    assert.deepEqual(shipped.decide(asks('viewer', 'services:apply', checkout, '*/*')), {
      isAllowed: false,
      because: 'viewer ann may not services:apply on default/checkout: no policy permits it',
    });
  });

  test('end a token at its services', () => {
    const at = (...scopes: string[]) =>
      shipped.decide(asks('developer', 'services:apply', checkout, ...scopes)).isAllowed;
    assert.ok(at('default/checkout') && at('default/a', 'default/check*') && at('*/*'));
    assert.ok(!at('default/pay') && !at('other/*') && !at());
  });

  test('leave the installation to tokens for all services, but for that it is there', () => {
    const may = (action: AccessAction, scope: string) =>
      shipped.decide(asks('admin', action, server, scope)).isAllowed;
    assert.ok(may('tokens:write', '*/*') && !may('tokens:write', 'default/*'));
    assert.ok(may('server:read', 'default/*'));
  });

  test("of one's own permit more, forbid more, and never reach past a token", async () => {
    const mine = await own(`
      permit (principal == Tidegate::Person::"ann", action == Tidegate::Action::"rollouts:promote", resource);
      @id("no deletion on our watch")
      forbid (principal, action == Tidegate::Action::"services:delete", resource == Tidegate::Service::"default/checkout");`);
    const promote = (scope: string) =>
      mine.decide(asks('viewer', 'rollouts:promote', checkout, scope)).isAllowed;
    assert.ok(promote('default/*') && !promote('other/*'));
    const refused = mine.decide(asks('admin', 'services:delete', checkout, '*/*'));
    assert.ok(!refused.isAllowed);
    assert.match(refused.because, /policy "no deletion on our watch" forbids it$/);
    const { isAllowed } = mine.decide(
      asks('admin', 'services:delete', { ...checkout, name: 'pay' }, '*/*'),
    );
    assert.ok(isAllowed);
  });

  const wrong: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    ['no Cedar', '\n  permit (principal, action = , resource);', /own\.cedar:2:31: .*unexpected/],
    [
      'an unknown action',
      '// é\npermit (principal, action == Tidegate::Action::"fly", resource);',
      /own\.cedar:2:30: unrecognized action .*"fly"/,
    ],
    [
      'an unknown attribute',
      'permit (principal, action, resource) when { principal.age > 3 };',
      /own\.cedar:1:45: .*age/,
    ],
    [
      'what can never be',
      'permit (principal, action == Tidegate::Action::"tokens:write", resource is Tidegate::Service);',
      /own\.cedar:1:\d+: .*(applicable|impossible)/,
    ],
    [
      'a template',
      'permit (principal == ?principal, action, resource);',
      /own\.cedar:1:1: .*templ/,
    ],
  ];
  for (const [what, text, says] of wrong) {
    test(`with ${what} are refused with file, line and column`, async () => {
      await assert.rejects(own(text), (error) => {
        assert.ok(error instanceof PolicyError);
        assert.match(error.message, says);
        return true;
      });
    });
  }

  test('that are nowhere are refused', async () => {
    await assert.rejects(openCedarAuthorizer(join(folder, 'none')), /cannot read .*ENOENT/);
    const empty = await mkdtemp(join(folder, 'empty-'));
    await assert.rejects(openCedarAuthorizer(empty), /has 0 files \*\.cedar: must be 1-200/);
  });
});
