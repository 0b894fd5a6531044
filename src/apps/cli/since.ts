import { CliError } from './cli-error.ts';

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds since the Unix epoch, of `24h` or `30d` before now, or of a date: `2026-11-20`, `2026-11-20T10:00:00Z`. */
export function parseSince(text: string, nowMs: number): number {
  const ago = /^(\d+(?:\.\d+)?)(m|h|d)$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (unitMs[ago[2] ?? ''] ?? Number.NaN);
  const atMs = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new CliError(`cannot read the time "${text}"`, {
    code: 'usage',
    remedy: 'write how long ago (30m, 24h, 30d) or a date (2026-11-20, 2026-11-20T10:00:00Z)',
  });
}
