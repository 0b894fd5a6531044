import { CliError } from './cli-error.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** setTimeout takes at most 2^31 - 1 ms, about 24.8 days. */
const longestMs = 2_147_483_647;

/** `500ms`, `30s`, `5m`, `1h`; a bare number is refused because it would have no unit. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const factor = unitMs[match?.[2] ?? ''];
  const durationMs = Math.round(Number(match?.[1]) * (factor ?? Number.NaN));
  if (!Number.isSafeInteger(durationMs) || durationMs <= 0 || durationMs > longestMs) {
    throw new CliError(`cannot read the duration "${text}"`, {
      code: 'usage',
      remedy: 'write a number with its unit: 500ms, 30s, 5m or 1h (at most 24 days)',
    });
  }
  return durationMs;
}

/** A ratio in [0, 1]: `0.005` or `0.5%`. */
export function parseRatio(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text);
  const ratio = Number(match?.[1]) / (match?.[2] === undefined ? 1 : 100);
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new CliError(`cannot read the ratio "${text}"`, {
      code: 'usage',
      remedy: 'write a ratio from 0 to 1 (0.005) or a percentage (0.5%)',
    });
  }
  return ratio;
}

export function parsePositive(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0) return value;
  throw new CliError(`cannot use the number "${text}"`, {
    code: 'usage',
    remedy: 'write a number above 0',
  });
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new CliError(`cannot use the count "${text}"`, {
    code: 'usage',
    remedy: 'write a whole number, 0 or above',
  });
}
