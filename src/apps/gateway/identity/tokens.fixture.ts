import { once } from 'node:events';
import { createHmac } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { JwtRule } from '../../../domain/traffic/jwt-rule.ts';
import { TokenVerifier, type TokenVerdict } from './token-verifier.ts';

const issuer = 'https://id.example';
const audience = 'shop';
const nowSeconds = Math.floor(Date.now() / 1000);

export const rsa = await generateKeyPair('RS256', { extractable: true });
export const other = await generateKeyPair('RS256', { extractable: true });
export const ec = await generateKeyPair('ES256', { extractable: true });
export const jwkOf = async (key: CryptoKey, kid: string, alg: string): Promise<JWK> => ({
  ...(await exportJWK(key)),
  kid,
  alg,
  use: 'sig',
});
export const keySet = {
  keys: [await jwkOf(rsa.publicKey, 'rsa', 'RS256'), await jwkOf(ec.publicKey, 'ec', 'ES256')],
};
const rsaPem = await exportSPKI(rsa.publicKey);

/** What all tokens here are for, with the keys in the rule itself. */
export const rule: JwtRule = {
  issuer,
  audiences: ['other', audience],
  keys: { kind: 'set', text: JSON.stringify(keySet) },
  claims: [],
};

interface Wish {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly key?: CryptoKey;
  readonly alg?: string;
}

/** A right token, but for what is wished. */
export function tokenOf({
  claims = {},
  header = {},
  key = rsa.privateKey,
  alg = 'RS256',
}: Wish = {}) {
  const all = { iss: issuer, aud: audience, sub: 'x', exp: nowSeconds + 36_000, ...claims };
  return new SignJWT(all).setProtectedHeader({ alg, kid: 'rsa', ...header }).sign(key);
}

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  );
}

/** With a signature of any kind, or none. */
function crafted(header: Record<string, unknown>, sign: (input: string) => string): string {
  const claims = { iss: issuer, aud: audience, exp: nowSeconds + 36_000 };
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${sign(input)}`;
}

const hmac =
  (secret: string, hash = 'sha256') =>
  (input: string) =>
    createHmac(hash, secret).update(input).digest('base64url');

/** r = s = 0, which every message and key fits if nobody looks. */
const zeros = Buffer.alloc(64).toString('base64url');

/** Tokens that nobody must take, by what is wrong with them. */
export async function attacks(): Promise<readonly (readonly [name: string, token: string])[]> {
  const right = await tokenOf();
  const [head = '', , signature = ''] = right.split('.');
  const more = base64url({ iss: issuer, aud: audience, sub: 'admin', exp: nowSeconds + 36_000 });
  return [
    ['no signature at all (none)', crafted({ alg: 'none' }, () => '')],
    ['none in other letters', crafted({ alg: 'nOnE' }, () => '')],
    ['the public key as a secret', crafted({ alg: 'HS256', kid: 'rsa' }, hmac(rsaPem))],
    [
      'the public key as a longer secret',
      crafted({ alg: 'HS512', kid: 'rsa' }, hmac(rsaPem, 'sha512')),
    ],
    [
      'its modulus as a secret',
      crafted({ alg: 'HS256', kid: 'rsa' }, hmac(String(keySet.keys[0]?.n))),
    ],
    [
      'an empty secret of a file that is empty',
      crafted({ alg: 'HS256', kid: '/dev/null' }, hmac('')),
    ],
    [
      'a secret that SQL would give',
      crafted({ alg: 'HS256', kid: "x' UNION SELECT 'key" }, hmac('key')),
    ],
    ['a signature of zeros (CVE-2022-21449)', crafted({ alg: 'ES256', kid: 'ec' }, () => zeros)],
    ['an algorithm in small letters', crafted({ alg: 'rs256', kid: 'rsa' }, () => signature)],
    ['no algorithm', crafted({ kid: 'rsa' }, () => signature)],
    ['an algorithm that is a list', crafted({ alg: ['RS256'], kid: 'rsa' }, () => signature)],
    ['a right head and no signature', `${head}.${more}.`],
    [
      'a payload that is not encoded (b64)',
      crafted({ alg: 'RS256', kid: 'rsa', b64: false, crit: ['b64'] }, () => signature),
    ],
    ['the key set as a secret', crafted({ alg: 'HS256' }, hmac(JSON.stringify(keySet)))],
    ['other claims under the same signature', `${head}.${more}.${signature}`],
    ['a key of its own under the name of ours', await tokenOf({ key: other.privateKey })],
    [
      'a key that the token brings along',
      await tokenOf({ key: other.privateKey, header: { jwk: await exportJWK(other.publicKey) } }),
    ],
    [
      'a place for keys that the token names',
      await tokenOf({ key: other.privateKey, header: { jku: 'http://127.0.0.1:1/keys' } }),
    ],
    ['a key name that is a path', await tokenOf({ header: { kid: '../../../../dev/null' } })],
    ['a key name that is SQL', await tokenOf({ header: { kid: "x' UNION SELECT 'key" } })],
    ['the key of another algorithm', await tokenOf({ header: { kid: 'ec' } })],
    ...(await wrongClaims()),
    [
      'something that must be understood',
      await tokenOf({ header: { crit: ['exp2'], exp2: 1 } }).catch(
        () => `${base64url({ alg: 'RS256', crit: ['x'], x: 1 })}.${more}.${signature}`,
      ),
    ],
    ['too long', await tokenOf({ claims: { filler: 'x'.repeat(8000) } })],
    ['no token', 'hello'],
    ['five parts', 'a.b.c.d.e'],
  ];
}

/** Signed by a right key. */
async function wrongClaims(): Promise<readonly (readonly [name: string, token: string])[]> {
  return [
    ['expired', await tokenOf({ claims: { exp: nowSeconds - 3600 } })],
    [
      'an end that is a text',
      await tokenOf({ claims: { exp: '9999999999' } }).catch(() => 'x.y.z'),
    ],
    ['a beginning that is a text', await tokenOf({ claims: { nbf: 'now' } }).catch(() => 'x.y.z')],
    ['of several issuers', await tokenOf({ claims: { iss: [issuer, 'x'] } }).catch(() => 'x.y.z')],
    ['for a list without ours', await tokenOf({ claims: { aud: ['a', 'b'] } })],
    [
      'a certificate that the token names',
      await tokenOf({ key: other.privateKey, header: { x5u: 'https://127.0.0.1:1/c' } }),
    ],
    ['without an end', await tokenOf({ claims: { exp: undefined } })],
    ['not valid yet', await tokenOf({ claims: { nbf: nowSeconds + 36_000 } })],
    ['for another audience', await tokenOf({ claims: { aud: 'shop2' } })],
    ['for nobody', await tokenOf({ claims: { aud: undefined } })],
    ['of another issuer', await tokenOf({ claims: { iss: `${issuer}.evil.example` } })],
  ];
}

/** Serves a key set. */
export class KeyServer implements AsyncDisposable {
  keys: unknown;
  mode: 'well' | 'gone' | 'garbage' | 'no-keys' | 'redirect' | 'slow' = 'well';
  readonly #held: ServerResponse[] = [];
  fetches = 0;
  readonly #server: Server;

  private constructor(keys: unknown) {
    this.keys = keys;
    this.#server = createServer((_, response) => {
      this.fetches += 1;
      if (this.mode === 'slow') {
        this.#held.push(response);
        return;
      }
      response.setHeader('content-type', 'application/json');
      if (this.mode === 'gone') response.writeHead(500);
      if (this.mode === 'redirect') response.writeHead(302, { location: '/elsewhere' });
      response.end(
        this.mode === 'garbage'
          ? '<html>'
          : JSON.stringify(this.mode === 'no-keys' ? {} : this.keys),
      );
    });
  }

  static async start(keys: unknown): Promise<KeyServer> {
    const server = new KeyServer(keys);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Their callers are gone, and their sockets wait for an end of the answer all the same.
    for (const response of this.#held) response.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** What a token is worth while its issuer's keys are not to be had, or not its own any more. A right verdict on each is any but `valid`. */
export async function keyAttacks(): Promise<
  readonly { readonly name: string; readonly verdict: TokenVerdict['kind'] }[]
> {
  const asked: { name: string; verdict: TokenVerdict['kind'] }[] = [];
  const token = await tokenOf();
  const ask = async (name: string, url: string): Promise<void> => {
    const keys = { kind: 'url', url } as const;
    const verifier = new TokenVerifier({ ...rule, keys }, { asTexts: [], asLists: [] });
    asked.push({ name, verdict: (await verifier.verify(token, Date.now())).kind });
  };
  const modes = [
    ['slow', 'keys that never come'],
    ['garbage', 'keys that are no JSON'],
    ['no-keys', 'no keys in the answer'],
    ['gone', 'an answer 500'],
    ['redirect', 'a place that sends on'],
  ] as const;
  await using server = await KeyServer.start(keySet);
  for (const [mode, name] of modes) {
    server.mode = mode;
    await ask(name, server.url);
  }
  server.mode = 'well';
  server.keys = { keys: [await jwkOf(other.publicKey, 'new', 'RS256')] };
  await ask('a key that was taken back', server.url);
  // The port is held, on another address, so that nobody else gets it.
  await ask('nobody there', server.url.replace('127.0.0.1', '127.0.0.2'));
  return asked;
}
