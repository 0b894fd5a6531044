import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorization } from '../../../domain/authorization/authorization.ts';
import { spiffeIdOf } from '../../../domain/identity/spiffe-id.ts';
import { idOf, MtlsFixture, trustDomain } from './mtls.fixture.ts';

const source = { principals: [], namespaces: [], ipBlocks: [] };
const authorization: Authorization = {
  mode: 'enforce',
  rules: [
    {
      name: 'web',
      action: 'ALLOW',
      from: [
        { ...source, principals: [`${trustDomain}/ns/default/sa/web`] },
        { ...source, namespaces: ['ops'] },
      ],
      to: [],
      when: [],
    },
  ],
};

test('who may ask goes by the certificate that a caller proves to have, and by nothing else', async () => {
  await using fixture = await MtlsFixture.start();
  fixture.route('permissive', [await fixture.plainInstance()], { authorization });
  const opsId = spiffeIdOf(trustDomain, { namespace: 'ops', name: 'oncall' });
  const web = await fixture.issue({ id: idOf('web') });
  const rows = [
    ['the service that is named', await fixture.secure(web), 200],
    ['the namespace that is named', await fixture.secure(await fixture.issue({ id: opsId })), 200],
    ['another service', await fixture.secure(await fixture.issue({ id: idOf('cart') })), 403],
    ['a name that begins so', await fixture.secure(await fixture.issue({ id: idOf('web2') })), 403],
    ['nobody, over TLS', await fixture.secure(null), 403],
    ['nobody', await fixture.plain(), 403],
    [
      'nobody with a header',
      await fixture.plain({
        'x-forwarded-client-cert': `URI=${idOf('web').text}`,
        'x-tidegate-principal': idOf('web').text,
      }),
      403,
    ],
  ] as const;
  for (const [who, { status, reason }, want] of rows) {
    assert.equal(status, want, who);
    assert.equal(reason, want === 200 ? undefined : 'forbidden', who);
  }
  await fixture.revoke(web.certificatePem);
  const { status, reason } = await fixture.secure(web);
  assert.deepEqual([status, reason], [403, 'peer-unverified'], 'revoked');
});
