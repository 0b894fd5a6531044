import { z } from 'zod';
import { field, integer, mapping, matching, text } from './fields.ts';
import { headerNameRule } from './names.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

const limitCountMax = 8;
const burstMax = 10_000_000;

/** `1000/s` as it is written: so many in each of a unit. */
export interface WrittenRate {
  readonly count: number;
  readonly perSeconds: number;
}

/** A limit, or several that all have to hold: `traffic.rateLimit` of a service, `rateLimit` of a rule. */
export function rateLimitSchema() {
  const limit = () =>
    mapping({
      name: text(limitNameRule).optional(),
      rate: field(readRate, { type: 'string', pattern: String.raw`^\d+(\.\d+)?/(s|m|h)$` }),
      burst: integer({ min: 1, max: burstMax }).optional(),
      per: z.union([
        field(readPer, { type: 'string', enum: shared }),
        mapping({ header: text(headerNameRule) }),
      ]),
    });
  const several = z
    .array(limit())
    .min(1)
    .max(limitCountMax)
    .superRefine((limits, context) => {
      const names = limits.map(limitName);
      for (const [index, name] of names.entries()) {
        if (names.indexOf(name) === index) continue;
        const message = `is called "${name}" as an earlier one: give it a name of its own`;
        context.addIssue({ code: 'custom', path: [index, 'name'], message });
      }
    });
  // The mapping last: explain-issue.ts takes the branch by that.
  return z.union([several, limit()]);
}

/** Written, or by whom it counts. */
export function limitName({ name, per }: { name?: string | undefined; per: Per }): string {
  return name ?? `per-${typeof per === 'string' ? per : per.header.toLowerCase()}`;
}

export type Per = (typeof shared)[number] | { readonly header: string };
const shared = ['instance', 'route', 'address'] as const;

/** Callers see it in the RateLimit header. */
const limitNameRule = matching(/^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/, 'a name such as burst', 63);

function readPer(input: unknown): Reading<(typeof shared)[number]> {
  const all = 'instance, route, address, or { header: NAME }';
  if (typeof input !== 'string') return wrongType(all);
  const known = shared.find((each) => each === input);
  if (known !== undefined) return read(known);
  const hint = input.includes('-') ? `did you mean { header: ${input} }?` : null;
  return refused(`must be ${all}, not ${quoted(input)}`, hint);
}

const unitSeconds: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
]);
const rateMax = 1_000_000;

function readRate(input: unknown): Reading<WrittenRate> {
  const wanted = 'a rate such as 1000/s, 30/m or 5000/h';
  if (typeof input === 'number') return wrongType(wanted, `write ${input}/s`);
  if (typeof input !== 'string') return wrongType(wanted);
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\/(s|m|h)$/.exec(input) ?? [];
  const perSeconds = unitSeconds.get(unit);
  if (perSeconds === undefined) {
    const bare = /^\d+(\.\d+)?$/.test(input) ? `write ${input}/s` : null;
    return refused(`must be ${wanted}, not ${quoted(input)}`, bare);
  }
  const count = Number(digits);
  const perSecond = count / perSeconds;
  if (perSecond < 1 / 3600) return refused(`must be at least 1/h, not ${quoted(input)}`);
  if (perSecond > rateMax) return refused(`must be at most ${rateMax}/s, not ${quoted(input)}`);
  return read({ count, perSeconds });
}
