import { Market, marketPairs } from '../../src/apps/gateway/identity/market.fixture.ts';
import {
  attacks,
  keyAttacks,
  rule,
  tokenOf,
} from '../../src/apps/gateway/identity/tokens.fixture.ts';
import { Counters } from '../../src/apps/gateway/counters.ts';
import { LiveRoutes } from '../../src/apps/gateway/live-routes.ts';
import type { BenchOptions } from '../form.ts';

export interface AccessReading {
  readonly pairs: number;
  /** Served and should not be, or the other way round. */
  readonly mistakes: number;
  /** Of these tokens and key sets none must be taken. */
  readonly attacks: number;
  readonly attacksRefused: number;
  /** Or else everything is refused, which is no feat. */
  readonly isRightTaken: boolean;
}

/** Every pair of examples/market against the table written by hand, and every attack on tokens against the gateway's own verifier. */
export async function readAccess({ say, signal }: BenchOptions): Promise<AccessReading> {
  const market = await Market.open();
  const pairs = marketPairs();
  let mistakes = 0;
  for (const pair of pairs) {
    signal.throwIfAborted();
    if ((await market.isServed(pair)) !== pair.isServed) mistakes += 1;
  }
  say(`${pairs.length} pairs of a market of ten services, ${mistakes} mistakes`);
  const isTaken = tokenTaker();
  const taken = [
    ...(await Promise.all((await attacks()).map(([, token]) => isTaken(token)))),
    ...(await keyAttacks()).map(({ verdict }) => verdict === 'valid'),
  ];
  const refused = taken.filter((each) => !each).length;
  say(`${taken.length} attacks on tokens and their keys, ${refused} refused`);
  return {
    pairs: pairs.length,
    mistakes,
    attacks: taken.length,
    attacksRefused: refused,
    isRightTaken: await isTaken(await tokenOf()),
  };
}

/** Whether a gateway's route sends a request with this token on. */
function tokenTaker(): (token: string) => Promise<boolean> {
  const routes = new LiveRoutes(new Counters(), [1, 2]);
  const endpoints = [{ instanceId: 'i', host: '127.0.0.1', port: 1 }];
  const route = {
    service: 'bench',
    host: 'bench.localhost',
    requestTimeoutMs: 1000,
    backends: [{ revisionId: 'r1', weightPercent: 100, endpoints }],
    matches: [],
    policy: { jwt: rule },
  };
  routes.apply({ version: 1, routes: [route] });
  return async (token) => {
    const headers = { authorization: `Bearer ${token}` };
    const request = { method: 'GET', headers, socket: { remoteAddress: '127.0.0.1' } };
    await routes.pending(route.host, '/', request);
    return routes.choose(route.host, '/', request, 1).kind === 'target';
  };
}
