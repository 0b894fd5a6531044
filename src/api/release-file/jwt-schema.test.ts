import assert from 'node:assert/strict';
import test from 'node:test';
import { parsedTraffic } from './traffic-line.fixture.ts';

/** `jwt` begins at line 7 and column 10. */
function parsed(jwt: string) {
  const { policy, told } = parsedTraffic(`jwt: ${jwt}`);
  return { jwt: policy?.jwt, told };
}

const whose = 'issuer: https://id.example, audiences: [shop]';

test('a URL of keys and claims are taken as they are written', () => {
  const written = `{ ${whose}, jwksUri: "https://id.example/keys", claims: [{ name: level, values: [3, true, x] }] }`;
  assert.deepEqual(parsed(written).jwt, {
    issuer: 'https://id.example',
    audiences: ['shop'],
    keys: { kind: 'url', url: 'https://id.example/keys' },
    claims: [{ name: 'level', values: ['3', 'true', 'x'] }],
  });
});

test('a key set is kept as its text', () => {
  const text = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}';
  assert.deepEqual(parsed(`{ ${whose}, jwks: '${text}' }`).jwt?.keys, { kind: 'set', text });
});

const refused = [
  [`{ ${whose} }`, '7:10: "jwt" must have exactly one of jwksUri and jwks; it has none'],
  [
    '{ issuer: a, audiences: [], jwksUri: "https://a/b" }',
    '7:34: "audiences" must have at least one item',
  ],
  [
    `{ ${whose}, jwksUri: "http://id.example/keys" }`,
    '7:68: "jwksUri" must be an https:// URL, not "http://id.example/keys"; http:// is for this machine only',
  ],
  [
    `{ ${whose}, jwksUri: "https://me:secret@id.example/keys" }`,
    '7:68: "jwksUri" must not have a user or a password in it',
  ],
  [
    `{ ${whose}, jwks: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' }`,
    '7:65: "jwks" must have public keys only: RSA, EC or OKP',
  ],
  [
    `{ ${whose}, jwks: '{"keys":[{"kty":"EC","d":"AA"}]}' }`,
    '7:65: "jwks" has a private key in it; change that key, and give the public one',
  ],
  [
    `{ ${whose}, jwks: '[]' }`,
    '7:65: "jwks" must be a JSON Web Key Set, as \'{"keys": [...]}\' with 1 to 100 public keys',
  ],
  [
    `{ ${whose}, jwksUri: "https://a/b", claim: [] }`,
    '7:83: unknown key "claim"; did you mean "claims"?',
  ],
] as const;

for (const [written, problem] of refused) {
  test(`${written.slice(0, 90)} is refused with its place`, () => {
    assert.equal(parsed(written).told[0], `f:${problem}`);
  });
}
