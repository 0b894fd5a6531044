import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

export interface DurationBounds {
  readonly minMs: number;
  readonly maxMs: number;
  /** What a number without a unit was probably meant to be. */
  readonly usualUnit: 'ms' | 's' | 'm';
}

/**
 * A duration as people write it, `250ms`, `30s`, `1.5s`, `5m`, `1h`, `1m30s`: hours, minutes, seconds, milliseconds in
 * this order, each at most once, and a whole number of milliseconds together. Example: `1m30s` is 90000.
 */
export function readDuration(input: unknown, bounds: DurationBounds): Reading<number> {
  const wanted = `a duration such as ${formatDuration(exampleMs(bounds))}`;
  if (typeof input === 'number' && input >= 0 && Number.isFinite(input)) {
    return wrongType(wanted, suggestUnit(input, bounds));
  }
  if (typeof input !== 'string') return wrongType(wanted);
  const durationMs = toMs(input);
  if (durationMs === null) {
    return refused(`must be ${wanted}, not ${quoted(input)}`, suggestDuration(input, bounds));
  }
  if (durationMs < bounds.minMs || durationMs > bounds.maxMs) {
    const range = `${formatDuration(bounds.minMs)} to ${formatDuration(bounds.maxMs)}`;
    return refused(`must be ${range}, not ${quoted(input)}`);
  }
  if (!Number.isInteger(durationMs)) {
    return refused(`must be a whole number of milliseconds, not ${quoted(input)}`);
  }
  return read(durationMs);
}

/** The shortest writing with units: 90000 is `1m30s`, 0 is `0s`. */
export function formatDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = '';
  for (const [unit, unitMs] of units) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text === '' ? '0s' : text;
}

const units = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

const number = String.raw`(\d+(?:\.\d+)?)`;
const durationPattern = new RegExp(
  `^(?:${number}h)?(?:${number}m)?(?:${number}s)?(?:${number}ms)?$`,
);

/** No duration of a release file is longer; keeps the number exact. */
const textLengthMax = 40;

function toMs(text: string): number | null {
  const match = text.length > textLengthMax || text === '' ? null : durationPattern.exec(text);
  if (match === null) return null;
  const sum = units.reduce(
    (sum, [, unitMs], index) => sum + Number(match[index + 1] ?? 0) * unitMs,
    0,
  );
  // 1.001s is 1000.9999999999999 in binary fractions: what is that near to a whole number is meant as one.
  const whole = Math.round(sum);
  return Math.abs(sum - whole) < 1e-6 ? whole : sum;
}

/** 15s where it is allowed, else the lower bound. */
function exampleMs(bounds: DurationBounds): number {
  const usualMs = bounds.usualUnit === 'ms' ? 500 : bounds.usualUnit === 's' ? 15_000 : 300_000;
  return usualMs <= bounds.maxMs && usualMs >= bounds.minMs ? usualMs : bounds.minMs;
}

/** The number with the first unit that makes it an allowed duration. */
function suggestUnit(count: number, bounds: DurationBounds): string | null {
  const candidates = [bounds.usualUnit, 's', 'ms', 'm'].map((unit) => `${count}${unit}`);
  const allowed = candidates.find((text) => readDuration(text, bounds).kind === 'read');
  return allowed === undefined ? null : `did you mean "${allowed}"?`;
}

/** Other names of the units, and how many of our unit one is. */
const foreignUnits: readonly (readonly [RegExp, string, number])[] = [
  [/^(?:msecs?|millis|milliseconds?)$/i, 'ms', 1],
  [/^(?:s|secs?|seconds?)$/i, 's', 1],
  [/^(?:m|mins?|minutes?)$/i, 'm', 1],
  [/^(?:h|hrs?|hours?)$/i, 'h', 1],
  [/^(?:ms)$/i, 'ms', 1],
  [/^(?:d|days?)$/i, 'h', 24],
];

function suggestDuration(text: string, bounds: DurationBounds): string | null {
  const match = text.length > textLengthMax ? null : /^(\d+)[ \t]*([a-z]*)$/i.exec(text.trim());
  if (match === null) return 'units are h, m, s and ms';
  const [, count = '', unit = ''] = match;
  if (unit === '') return suggestUnit(Number(count), bounds);
  const known = foreignUnits.find(([pattern]) => pattern.test(unit));
  if (known === undefined) return 'units are h, m, s and ms';
  return `did you mean "${Number(count) * known[2]}${known[1]}"?`;
}
