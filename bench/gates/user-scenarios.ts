import { ClientVotes } from '../../src/domain/traffic/samples/client-votes.ts';
import { binomial, exponential, type Random } from './random.ts';
import { alike, scenario } from './scenario.ts';
import type { Route, Scenario, Tick } from './stream.ts';

/** Cases that users of other tools ran into. */
export interface UserCase {
  /** Whether a rollback would be right. */
  readonly isBad: boolean;
  readonly scenario: Scenario;
}

const routes: readonly Route[] = [
  { key: 'most', candidatePart: 0.87, stablePart: 0.9, failureRatio: 0.001 },
  { key: 'failing', candidatePart: 0.13, stablePart: 0.1, failureRatio: 0.05 },
];

export const userCases: readonly UserCase[] = [
  good('20/s, healthy', { requestsPerSecond: 20, share: 0.05, rates: alike(0.005) }),
  bad('20/s, candidate 100 %', {
    requestsPerSecond: 20,
    share: 0.05,
    rates: { candidateRatio: 1, stableRatio: 0.005 },
  }),
  bad('20/s, candidate +5 pp', {
    requestsPerSecond: 20,
    share: 0.05,
    rates: { candidateRatio: 0.055, stableRatio: 0.005 },
  }),
  good('1/s at 50 %, healthy', { requestsPerSecond: 1, share: 0.5, rates: alike(0.005) }),
  bad('1/s at 50 %, candidate 100 %', {
    requestsPerSecond: 1,
    share: 0.5,
    rates: { candidateRatio: 1, stableRatio: 0.005 },
  }),
  bad('1/s at 50 %, candidate 50 %', {
    requestsPerSecond: 1,
    share: 0.5,
    rates: { candidateRatio: 0.5, stableRatio: 0.005 },
  }),
  good('nightly batch: 1/s, for a minute 400/s with 20-fold errors, healthy', {
    requestsPerSecond: nightly,
    share: 0.1,
    rates: () => (atMs) => (nightly(atMs) > 1 ? alike(0.02) : alike(0.001)),
  }),
  bad('nightly batch, candidate fails 30 % of the batch', {
    requestsPerSecond: nightly,
    share: 0.1,
    rates: () => (atMs) =>
      nightly(atMs) > 1 ? { candidateRatio: 0.3, stableRatio: 0.02 } : alike(0.001),
    badSinceMs: batchSinceMs(),
  }),
  good('cold cache: +2 pp timeouts at first, gone with a time constant of 10 s', {
    requestsPerSecond: 800,
    share: 0.05,
    rates: () => (atMs) => ({
      candidateRatio: 0.001 + 0.02 * Math.exp(-atMs / 10_000),
      stableRatio: 0.001,
    }),
  }),
  good('one client with 60 % of the errors, spread over both arms', noisyClient('spread')),
  good('one client with 60 % of the errors, each burst to one arm', noisyClient('sticky')),
  good('one client with 60 % of the errors, always on the candidate', noisyClient('candidate')),
  good('the same with one vote per client, each burst to one arm', noisyClient('sticky', true)),
  good(
    'the same with one vote per client, always on the candidate',
    noisyClient('candidate', true),
  ),
  good('shared dependency fails half of all requests for a minute', {
    requestsPerSecond: 800,
    share: 0.05,
    rates: () => (atMs) => (atMs >= 200_000 && atMs < 260_000 ? alike(0.5) : alike(0.001)),
  }),
  // 10 % of stable's requests and 13 % of the candidate's go to a route that fails 5 %, the others to one that fails 0.1 %.
  good('route mix differs by 3 points, at 5 %', routeMix(0.05)),
  good('route mix differs by 3 points, at 50 %', routeMix(0.5)),
  good('the same told by route, at 5 %', { ...routeMix(0.05), routes }),
  good('the same told by route, at 50 %', { ...routeMix(0.5), routes }),
];

type Input = Omit<Parameters<typeof scenario>[0], 'name'>;

function good(name: string, input: Input): UserCase {
  return { isBad: false, scenario: scenario({ name, ...input }) };
}

function bad(name: string, input: Input): UserCase {
  return { isBad: true, scenario: scenario({ name, ...input }) };
}

function batchSinceMs(): number {
  return 300_000;
}

function nightly(atMs: number): number {
  const since = batchSinceMs();
  return atMs >= since && atMs < since + 60_000 ? 400 : 1;
}

function routeMix(share: number): Input {
  const mixed = (failing: number) => failing * 0.05 + (1 - failing) * 0.001;
  return {
    requestsPerSecond: 800,
    share,
    rates: { candidateRatio: mixed(0.13), stableRatio: mixed(0.1) },
  };
}

/**
 * 100/s with 0.4 % errors of everybody and, every 20 s on average, 12 requests of one client that all fail. With votes only those
 * count that the product lets count, once in 10 s; everybody else is taken for a client of one request.
 */
function noisyClient(goesTo: 'spread' | 'sticky' | 'candidate', hasVotes = false): Input {
  const share = 0.1;
  const burst = 12;
  const extra = (random: Random) => {
    let nextMs = exponential(random, 20_000);
    const votes = hasVotes ? new ClientVotes([1, 2], 64) : null;
    return (atMs: number, tick: Tick) => {
      if (atMs < nextMs) return;
      nextMs = atMs + exponential(random, 20_000);
      const candidates = candidatesOf(random);
      for (let request = 0; request < burst; request += 1) {
        if (votes !== null && votes.cast('noisy', 0, atMs, voteWindowMs) !== null) continue;
        if (request < candidates) {
          tick.candidateRequests += 1;
          tick.candidateFailures += 1;
        } else {
          tick.stableRequests += 1;
          tick.stableFailures += 1;
        }
      }
    };
  };
  const candidatesOf = (random: Random): number => {
    if (goesTo === 'candidate') return burst;
    if (goesTo === 'sticky') return random() < share ? burst : 0;
    return binomial(random, burst, share);
  };
  return { requestsPerSecond: 100, share, rates: alike(0.004), extra };
}

const voteWindowMs = 10_000;
