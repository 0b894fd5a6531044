import type { BlueGreen, StandbyReport } from './strategy.ts';

/** `1`: one instance stands by, with a warm-up, a check and load; `1-bare`: without any. */
export function blueGreenOf(text: string): BlueGreen {
  const isBare = text.endsWith('-bare');
  return {
    kind: 'blue-green',
    standbyInstances: Number.parseInt(text, 10),
    warmUp: isBare ? null : { path: '/', requests: 20 },
    checks: isBare ? [] : [home],
    load: isBare ? null : load,
    withinMs: 30_000,
  };
}

const home = {
  name: 'home',
  method: 'GET',
  path: '/',
  headers: {},
  body: null,
  status: 200,
  contains: 'hello',
  timeoutMs: 5_000,
};

const load = {
  path: '/',
  requestsPerSecond: 10,
  durationMs: 10_000,
  failureRatioMax: 0.02,
  p95LimitMs: 200,
};

/** `pass`, `answers 500`, `no-answer`, `other-text`, `load 3/100 250ms`, `late`, `not-made`. */
export function reportOf([verb = '', first = '', second = '']: readonly string[]): StandbyReport {
  if (verb === 'not-made') return { kind: verb, message: 'connect ECONNREFUSED 127.0.0.1:7400' };
  const check = { name: 'home', status: 200, isTextThere: true, error: null, tookMs: 12 };
  const good = { requests: 100, failures: 0, p95Ms: 20, invalidBecause: [] };
  const seen = { kind: 'seen', warmUpAnswers: 20, checks: [check], load: good } as const;
  switch (verb) {
    case 'pass':
      return seen;
    case 'answers':
      return { ...seen, checks: [{ ...check, status: Number(first) }], load: null };
    case 'no-answer':
      return {
        ...seen,
        checks: [{ ...check, status: null, error: 'other side closed' }],
        load: null,
      };
    case 'other-text':
      return { ...seen, checks: [{ ...check, isTextThere: false }], load: null };
    case 'load': {
      const [failures = 0, requests = 0] = first.split('/').map(Number);
      return { ...seen, load: { ...good, requests, failures, p95Ms: Number.parseInt(second, 10) } };
    }
    case 'late':
      return { ...seen, load: { ...good, invalidBecause: ['only 61 % of it went out in time'] } };
    default:
      throw new Error(`cannot read the report "${verb}"`);
  }
}
