import { checkHeaderName, type Note } from '../routing/check-header-name.ts';
import { type RateLimit, rateLimitLimits } from './rate-limit.ts';

/** Of a route, or of one of its rules. */
export function checkRateLimits(limits: readonly RateLimit[], place: string, note: Note): void {
  const { count, ratePerSecondMin, ratePerSecondMax, burst: burstMax } = rateLimitLimits;
  if (limits.length > count) note(place, `more than ${count}`);
  for (const [index, { name, ratePerSecond, burst, per }] of limits.entries()) {
    const limitPlace = `${place}[${index}]`;
    const isTwin = limits.findIndex((each) => each.name === name) !== index;
    // It is written into a header between quotes.
    if (isTwin || !/^[a-z0-9._-]{1,256}$/.test(name)) {
      note(`${limitPlace}.name`, `'${name}' must be a name of its own, of a-z, 0-9, '.', '_', '-'`);
    }
    if (!(ratePerSecond >= ratePerSecondMin && ratePerSecond <= ratePerSecondMax)) {
      const bounds = `from ${ratePerSecondMin} to ${ratePerSecondMax}`;
      note(`${limitPlace}.ratePerSecond`, `must be ${bounds}, but is ${ratePerSecond}`);
    }
    if (!Number.isSafeInteger(burst) || burst < 1 || burst > burstMax) {
      note(`${limitPlace}.burst`, `must be 1-${burstMax}, but is ${burst}`);
    }
    if (per.kind === 'claim' && (per.name === '' || per.name.length > 256)) {
      note(`${limitPlace}.per.name`, 'must have 1-256 characters');
    }
    if (per.kind === 'header') checkHeaderName(per.name, `${limitPlace}.per.name`, note);
  }
}
