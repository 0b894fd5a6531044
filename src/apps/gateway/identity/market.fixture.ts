import { readFileSync } from 'node:fs';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import { spiffeIdOf } from '../../../domain/identity/spiffe-id.ts';
import type { Authorization } from '../../../domain/authorization/authorization.ts';
import type { RouteRule } from '../../../domain/traffic/routing/route-rules.ts';
import { Counters } from '../counters.ts';
import { LiveRoutes, type RoutedRequest } from '../live-routes.ts';

/** One request that somebody may send, and whether examples/market/pairs.txt says that it is served. */
export interface MarketPair {
  readonly caller: string;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly isServed: boolean;
}

const folder = new URL('../../../../examples/market/', import.meta.url);

/** Every caller, service, method and path. */
export function marketPairs(): readonly MarketPair[] {
  const lines = readFileSync(new URL('pairs.txt', folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const listOf = (name: string): readonly string[] =>
    words(lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1) ?? '');
  const [callers, methods, paths] = [listOf('callers'), listOf('methods'), listOf('paths')];
  const served = new Set<string>();
  for (const line of lines.filter((each) => each.includes('|'))) {
    const [who = '', service = '', how = '', what = ''] = line.split('|');
    const all = who.trim() === 'everybody' ? callers : words(who);
    for (const caller of all) {
      for (const method of words(how)) {
        for (const path of words(what))
          served.add([caller, service.trim(), method, path].join(' '));
      }
    }
  }
  const services = marketServices().map(({ name }) => name);
  const pairs = callers.flatMap((caller) =>
    services.flatMap((service) =>
      methods.flatMap((method) =>
        paths.map((path) => {
          const isServed = served.has([caller, service, method, path].join(' '));
          return { caller, service, method, path, isServed };
        }),
      ),
    ),
  );
  if (pairs.filter(({ isServed }) => isServed).length !== served.size) {
    throw new Error('pairs.txt has a line of somebody or something unknown');
  }
  return pairs;
}

function words(text: string): readonly string[] {
  return text.trim().split(/ +/);
}

/** What the example's file says of a service, as the server hands it to a gateway. */
export interface MarketService {
  readonly name: string;
  readonly authorization: Authorization;
  readonly rules: readonly RouteRule[];
}

export function marketServices(): readonly MarketService[] {
  const text = readFileSync(new URL('market.yaml', folder), 'utf8');
  const { services, problems } = parseReleaseFiles([{ path: 'market.yaml', text }]);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return services.map(({ name, traffic }) => {
    const { policy, rules = [] } = traffic;
    if (policy?.authorization === undefined) throw new Error(`${name} has no authorization`);
    return { name, authorization: policy.authorization, rules };
  });
}

/**
 * The market's routes in a gateway, without its sockets: who asks is said by the connection it would have, and somebody with a role by a token that is
 * signed and checked. The issuer's keys are not those at its URL.
 */
export class Market {
  readonly #routes = new LiveRoutes(new Counters(), [1, 2]);
  /** By role. */
  readonly #tokens: ReadonlyMap<string, string>;

  static async open(services: readonly MarketService[] = marketServices()): Promise<Market> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const keys = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] };
    const tokens = new Map<string, string>();
    for (const role of ['agent', 'guest']) {
      const token = new SignJWT({ role })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer('https://id.example')
        .setAudience('market')
        .setExpirationTime('1h');
      tokens.set(role, await token.sign(privateKey));
    }
    return new Market(services, JSON.stringify(keys), tokens);
  }

  private constructor(
    services: readonly MarketService[],
    keysText: string,
    tokens: ReadonlyMap<string, string>,
  ) {
    this.#tokens = tokens;
    const keys = { kind: 'set', text: keysText } as const;
    const routes = services.map(({ name, authorization, rules }) => ({
      service: name,
      host: `${name}.localhost`,
      requestTimeoutMs: 1000,
      backends: [
        {
          revisionId: 'r1',
          weightPercent: 100,
          endpoints: [{ instanceId: `${name}-0`, host: '127.0.0.1', port: 1 }],
        },
      ],
      matches: [],
      policy: { authorization },
      rules: rules.map((rule) =>
        rule.jwt === undefined ? rule : { ...rule, jwt: { ...rule.jwt, keys } },
      ),
    }));
    this.#routes.apply({ version: 1, routes });
  }

  async isServed({
    caller,
    service,
    method,
    path,
  }: Omit<MarketPair, 'isServed'>): Promise<boolean> {
    const token = this.#tokens.get(caller.split('+')[1] ?? '');
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = { method, headers, socket: connectionOf(caller) };
    const host = `${service}.localhost`;
    await this.#routes.pending(host, path, request);
    return this.#routes.choose(host, path, request, 1).kind === 'target';
  }
}

/** `web`, `ops/oncall` or `anonymous`; `@office`: from there. */
function connectionOf(caller: string): RoutedRequest['socket'] {
  const [who = '', place] = caller.split('@');
  const remoteAddress = place === 'office' ? '10.20.1.5' : '127.0.0.1';
  if (who === 'anonymous') return { remoteAddress, peer: null };
  const [name = '', namespace = 'default'] = (who.split('+')[0] ?? '').split('/').toReversed();
  const id = spiffeIdOf('tidegate.local', { namespace, name });
  return { remoteAddress, peer: { id, fault: null, leavesAtMs: Infinity, endsAtMs: Infinity } };
}
