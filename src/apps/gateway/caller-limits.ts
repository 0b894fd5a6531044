/** What callers may take of a gateway. Heads and times have limits of their own, see HeadLimits and Deadlines. */
export interface CallerLimits {
  /** Of all callers, at one time. Beyond: 503. */
  readonly connections: number;
  /** Of one address, at one time; a proxy in front of us is one, so it is many. Beyond: 429. */
  readonly connectionsPerAddress: number;
  /** On one connection; the last one is answered with `Connection: close`. */
  readonly requestsPerConnection: number;
  /** Of one request, without its framing; a route's rule may say less. Beyond: 413. */
  readonly requestBodyBytes: number;
}

/** The one table of defaults: docs/guides/gateway.md shows it. */
export const usualCallerLimits: CallerLimits = {
  // A process has 20,000 file descriptors in most places, and instances need some too.
  connections: 16_000,
  connectionsPerAddress: 12_000,
  requestsPerConnection: 100_000,
  // Bodies go through as they come, so a large one costs no memory.
  requestBodyBytes: Number.MAX_SAFE_INTEGER,
};

const names = Object.keys(usualCallerLimits) as readonly (keyof CallerLimits)[];

/**
 * `given` are texts such as `connections=5000`. The limits of connections hold for all processes that serve together, so each
 * has its `processShare`. A text in place of limits says what is wrong.
 */
export function callerLimitsOf(
  given: readonly string[],
  processShare: number,
): CallerLimits | string {
  const limits: Record<keyof CallerLimits, number> = { ...usualCallerLimits };
  for (const text of given) {
    const [, name, value] = /^(\w+)=(\d{1,15})$/.exec(text) ?? [];
    const known = names.find((each) => each === name);
    if (known === undefined || value === undefined) {
      return `--limit ${text}: must be NAME=NUMBER with a name of ${names.join(', ')}`;
    }
    if (Number(value) < 1 && known !== 'requestBodyBytes')
      return `--limit ${text}: must be at least 1`;
    limits[known] = Number(value);
  }
  for (const name of ['connections', 'connectionsPerAddress'] as const) {
    limits[name] = Math.max(1, Math.ceil(limits[name] * processShare));
  }
  return limits;
}
