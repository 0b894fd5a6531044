/** A real OpenID provider on loopback, and a person's browser at it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Provider } from 'oidc-provider';

/** What the provider says of a person who signs in by this name. */
export type Accounts = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const client = { id: 'tidegate', secret: 'a-client-secret-of-the-tests' } as const;

export interface OpenidFixture extends AsyncDisposable {
  readonly issuer: string;
  readonly provider: Provider;
}

export async function startProvider(
  accounts: Accounts,
  redirectUrl: string,
): Promise<OpenidFixture> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const issuer = `http://127.0.0.1:${address.port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [redirectUrl] }],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    cookies: { keys: ['a-key-of-the-tests'] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...accounts[id] }),
    }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  return { issuer, provider, [Symbol.asyncDispose]: () => closed(server) };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

const stepsMax = 12;

/** Signs in at the provider and agrees to what it asks, until it sends the browser back; gives the address it is sent to. */
export async function signInAt(url: string, account: string): Promise<URL> {
  const cookies = new Map<string, string>();
  const { origin } = new URL(url);
  let at = new URL(url);
  let form: URLSearchParams | null = null;
  for (let step = 0; step < stepsMax; step++) {
    const answer = await fetch(at, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form !== null && { method: 'POST', body: form }),
    });
    const text = await answer.text();
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (location !== null) {
      at = new URL(location, at);
      form = null;
      if (at.origin !== origin) return at;
      continue;
    }
    const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
    assert.ok(prompt !== undefined, `${answer.status} ${at.href}: ${text.slice(0, 2_000)}`);
    form = new URLSearchParams({ prompt, login: account, password: 'any' });
  }
  throw new Error(`not back after ${stepsMax} steps: ${at.href}`);
}
