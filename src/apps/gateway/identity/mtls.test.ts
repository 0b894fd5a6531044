import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { eventually, StateFolder } from '../../../adapters/authority/authority.fixture.ts';
import { type CertifiedKey, makeAuthority } from '../../../adapters/authority/make-certificate.ts';
import { spiffeIdOf, trustDomainIdOf } from '../../../domain/identity/spiffe-id.ts';
import { connectTls } from '../instance-tls.ts';
import {
  type Answer,
  idOf,
  issueBy,
  MtlsFixture,
  serviceId,
  trustDomain,
  validNow,
} from './mtls.fixture.ts';

const hourMs = 3_600_000;

type Want = readonly [status: number, reason?: string | undefined, detail?: RegExp];

/** What callers show, and what comes of it in the modes off, permissive and strict. */
const callers: readonly (readonly [shown: string, off: Want, permissive: Want, strict: Want])[] = [
  ['plaintext', [200], [200], [403, 'mtls-required', /without TLS/]],
  ['no certificate', [200], [200], [403, 'mtls-required', /none was shown/]],
  ['wrong authority', [200], ...unverified(/no authority that is trusted/)],
  ['self-signed', [200], ...unverified(/no authority that is trusted|not made for this/)],
  ['expired', [200], ...unverified(/has ended/)],
  ['not yet valid', [200], ...unverified(/is not valid yet/)],
  ['other trust domain', [200], ...unverified(/trust domain other\.example/)],
  ['the trust domain itself', [200], ...unverified(/is one of a trust domain/)],
  ['revoked', [200], ...unverified(/was revoked/)],
  ['right', [200], [200], [200]],
];

function unverified(detail: RegExp): readonly [Want, Want] {
  return [
    [403, 'peer-unverified', detail],
    [403, 'peer-unverified', detail],
  ];
}

describe('a service takes callers by its mode', () => {
  let fixture: MtlsFixture;
  let shown: ReadonlyMap<string, CertifiedKey>;
  before(async () => {
    fixture = await MtlsFixture.start();
    await using stranger = await StateFolder.make();
    shown = await certificates(fixture, stranger);
    await fixture.revoke(shown.get('revoked')?.certificatePem ?? '');
  });
  after(() => fixture[Symbol.asyncDispose]());

  for (const [what, ...wants] of callers) {
    for (const [index, mode] of (['off', 'permissive', 'strict'] as const).entries()) {
      test(`${mode}: ${what}`, async () => {
        fixture.route(mode, [await fixture.plainInstance()]);
        const answer =
          what === 'plaintext'
            ? await fixture.plain()
            : await fixture.secure(shown.get(what) ?? null);
        check(answer, wants[index] ?? [0]);
      });
    }
  }

  test('strict over HTTP/2: who shows none hears why, who is right is served', async () => {
    fixture.route('strict', [await fixture.plainInstance()]);
    const right = shown.get('right');
    for (const [credentials, status] of [
      [{}, 403],
      [{ cert: right?.certificatePem, key: right?.keyPem }, 200],
    ] as const) {
      const session = connectHttp2(`https://127.0.0.1:${fixture.tlsPort}`, {
        servername: 'svc.localhost',
        ca: fixture.bundlePem,
        ...credentials,
      });
      const stream = session.request({ ':authority': 'svc.localhost' });
      const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, unknown>>];
      assert.equal(headers[':status'], status);
      stream.resume();
      session.destroy();
    }
  });

  test('a header says nothing of who somebody is', async () => {
    fixture.route('strict', [await fixture.plainInstance()]);
    const { text } = idOf('caller');
    const answer = await fixture.plain({
      'x-forwarded-client-cert': `By=${text};URI=${text}`,
      'x-forwarded-proto': 'https',
      'client-cert': shown.get('right')?.certificatePem.replaceAll('\n', '') ?? '',
    });
    check(answer, [403, 'mtls-required']);
  });
});

test('a connection that is kept is refused from the moment its certificate is revoked', async () => {
  await using fixture = await MtlsFixture.start();
  fixture.route('strict', [await fixture.plainInstance()]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const caller = await fixture.issue();
  check(await fixture.secure(caller, agent), [200]);
  await fixture.revoke(caller.certificatePem);
  check(await fixture.secure(caller, agent), [403, 'peer-unverified', /was revoked/]);
  agent.destroy();
});

test('a connection is asked to end before its certificate does', async () => {
  await using fixture = await MtlsFixture.start();
  fixture.route('strict', [await fixture.plainInstance()]);
  const agent = new Agent({ keepAlive: true });
  const fresh = await fixture.secure(await fixture.issue(), agent);
  assert.deepEqual([fresh.status, fresh.connection], [200, undefined]);
  const validity = { notBeforeMs: Date.now() - 9 * hourMs, notAfterMs: Date.now() + hourMs };
  const old = await fixture.secure(await fixture.issue({ validity }), agent);
  assert.deepEqual([old.status, old.connection], [200, 'close']);
  agent.destroy();
});

/** What an instance shows, and what its callers get. */
const instances: readonly (readonly [shown: string, want: Want])[] = [
  ['plaintext', [502, 'unreachable']],
  ['wrong authority', [502, 'unreachable']],
  ['self-signed', [502, 'unreachable']],
  ['expired', [502, 'unreachable', /expired/]],
  ['not yet valid', [502, 'unreachable', /not yet valid/]],
  ['other trust domain', [502, 'unreachable', /trust domain other\.example/]],
  ['another service', [502, 'unreachable', /is of .*\/sa\/other, and not of .*\/sa\/svc/]],
  ['revoked', [502, 'unreachable', /was revoked/]],
  ['right', [200, undefined, /URI:spiffe:\/\/shop\.example\/ns\/tidegate\/sa\/gateway/]],
];

for (const kind of ['fast', 'compat'] as const) {
  describe(`the engine ${kind} knows the instances of a service`, () => {
    let fixture: MtlsFixture;
    let shown: ReadonlyMap<string, CertifiedKey>;
    before(async () => {
      fixture = await MtlsFixture.start(kind);
      await using stranger = await StateFolder.make();
      shown = await certificates(fixture, stranger, serviceId);
      await fixture.revoke(shown.get('revoked')?.certificatePem ?? '');
    });
    after(() => fixture[Symbol.asyncDispose]());

    for (const mode of ['permissive', 'strict'] as const) {
      for (const [what, want] of instances) {
        test(`${mode}: ${what}`, async () => {
          const certificate = shown.get(what);
          const identity = { appProtocol: 'https', identity: serviceId.text } as const;
          const endpoint =
            certificate === undefined
              ? { ...(await fixture.plainInstance()), ...identity }
              : await fixture.instance(certificate);
          fixture.route(mode, [endpoint]);
          if (kind === 'compat' && mode === 'strict') {
            check(await fixture.plain(), [403, 'mtls-required', /without TLS/]);
            return;
          }
          const caller = shown.get('right') ?? null;
          check(kind === 'compat' ? await fixture.plain() : await fixture.secure(caller), want);
        });
      }
    }
  });
}

test('an instance refuses a gateway of another authority, and is refused by it', async () => {
  await using fixture = await MtlsFixture.start();
  const endpoint = await fixture.instance(await fixture.issue({ id: serviceId }));
  await using other = await MtlsFixture.start();
  other.route('permissive', [endpoint]);
  assert.equal((await other.plain()).status, 502);
});

test('a gateway without a certificate asks no instance that wants one', async () => {
  const endpoint = { instanceId: 'i', host: '127.0.0.1', port: 9, identity: serviceId.text };
  const { socket } = connectTls(endpoint, null);
  const [error] = (await once(socket, 'error')) as [Error];
  assert.match(error.message, /no certificate of its own/);
});

test('a kept connection to an instance ends with its revocation', async () => {
  await using fixture = await MtlsFixture.start();
  const shown = await fixture.issue({ id: serviceId });
  const endpoint = await fixture.instance(shown);
  fixture.route('permissive', [endpoint]);
  check(await fixture.plain(), [200]);
  await fixture.revoke(shown.certificatePem);
  check(await fixture.plain(), [502, 'unreachable', /was revoked/]);
});

test('certificates of caller, gateway and instance are renewed under way, and no request fails', async () => {
  await using fixture = await MtlsFixture.start();
  const endpoint = await fixture.instance(await fixture.issue({ id: serviceId }));
  fixture.route('strict', [endpoint]);
  let caller = {
    shown: await fixture.issue(),
    agent: new Agent({ keepAlive: true, maxSockets: 4 }),
  };
  const agents = [caller.agent];
  const over = new AbortController();
  let requests = 0;
  const calling = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      check(await fixture.secure(caller.shown, caller.agent), [200]);
      requests += 1;
    }
  });
  for (let renewal = 0; renewal < 4; renewal += 1) {
    const before = requests;
    await fixture.renewGateway();
    fixture.renewInstance(endpoint, await fixture.issue({ id: serviceId }));
    caller = { shown: await fixture.issue(), agent: new Agent({ keepAlive: true, maxSockets: 4 }) };
    agents.push(caller.agent);
    await eventually(async () => (requests >= before + 20 ? true : null), 'requests go on');
  }
  over.abort();
  await Promise.all(calling);
  for (const agent of agents) agent.destroy();
});

/** By what they are, of a caller, or of `id`; `revoked` is to be. */
async function certificates(
  fixture: MtlsFixture,
  stranger: StateFolder,
  id = idOf('caller'),
): Promise<ReadonlyMap<string, CertifiedKey>> {
  const nowMs = Date.now();
  await stranger.authority.init({ trustDomain, svidLifeMs: hourMs, given: null, nowMs });
  const past = { notBeforeMs: nowMs - 2 * hourMs, notAfterMs: nowMs - hourMs };
  const future = { notBeforeMs: nowMs + hourMs, notAfterMs: nowMs + 2 * hourMs };
  const elsewhere = spiffeIdOf('other.example', { namespace: 'default', name: 'svc' });
  const rows: readonly (readonly [string, Promise<CertifiedKey>])[] = [
    ['right', fixture.issue({ id })],
    ['revoked', fixture.issue({ id })],
    ['expired', fixture.issue({ id, validity: past })],
    ['not yet valid', fixture.issue({ id, validity: future })],
    ['another service', fixture.issue({ id: idOf('other') })],
    ['other trust domain', fixture.issue({ id: elsewhere })],
    ['the trust domain itself', fixture.issue({ id: trustDomainIdOf(trustDomain) })],
    ['wrong authority', issueBy(stranger, { id })],
    ['self-signed', makeAuthority(id, { number: 1, validity: validNow() })],
  ];
  return new Map(await Promise.all(rows.map(async ([name, made]) => [name, await made] as const)));
}

function check(answer: Answer, [status, reason, detail = /./]: Want): void {
  assert.deepEqual([answer.status, answer.reason], [status, reason], answer.detail);
  assert.match(answer.detail, detail);
}
