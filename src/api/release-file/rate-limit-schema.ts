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
      per: z.union([field(readPer, { type: 'string', enum: shared }), namedSchema()]),
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

/** The mapping last: explain-issue.ts takes the branch by that. */
function namedSchema() {
  const named = mapping({
    header: text(headerNameRule).optional(),
    claim: text(claimNameRule).optional(),
  });
  return named.superRefine(({ header, claim }, context) => {
    if ((header === undefined) !== (claim === undefined)) return;
    const found = header === undefined ? 'none' : 'both';
    const message = `must have exactly one of header and claim; it has ${found}`;
    context.addIssue({ code: 'custom', message });
  });
}

const claimNameRule = matching(/^[ -~]+$/, 'the name of a claim such as sub', 256);

/** Written, or by whom it counts. */
export function limitName({ name, per }: { name?: string | undefined; per: Per }): string {
  if (name !== undefined) return name;
  if (typeof per === 'string') return `per-${per}`;
  const whose = (per.header ?? per.claim ?? '').toLowerCase();
  return `per-${whose.replaceAll(/[^a-z0-9._-]/g, '-')}`;
}

export type Per =
  | (typeof shared)[number]
  | { readonly header?: string | undefined; readonly claim?: string | undefined };
const shared = ['instance', 'route', 'address'] as const;

/** Callers see it in the RateLimit header. */
const limitNameRule = matching(/^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/, 'a name such as burst', 63);

function readPer(input: unknown): Reading<(typeof shared)[number]> {
  const all = 'instance, route, address, { header: NAME } or { claim: NAME }';
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

interface LimitedPart {
  readonly rateLimit?: { readonly per: Per } | readonly { readonly per: Per }[] | undefined;
  readonly jwt?: unknown;
}

/** Of `spec.traffic`: limits that go by a claim where no token is asked for, which would put everybody into one bucket. */
export function refuseClaimsWithoutToken(
  traffic: LimitedPart & { readonly rules?: readonly LimitedPart[] | undefined },
  context: { addIssue(issue: { code: 'custom'; path: PropertyKey[]; message: string }): void },
): void {
  const check = ({ rateLimit = [], jwt }: LimitedPart, place: PropertyKey[]): void => {
    if (jwt !== undefined || traffic.jwt !== undefined) return;
    const isOne = 'per' in rateLimit;
    for (const [index, { per }] of (isOne ? [rateLimit] : rateLimit).entries()) {
      if (typeof per === 'string' || per.claim === undefined) continue;
      const message = 'goes by a claim, and nothing asks for a token: add "jwt"';
      const path = [...place, 'rateLimit', ...(isOne ? [] : [index]), 'per'];
      context.addIssue({ code: 'custom', path, message });
    }
  };
  check(traffic, ['traffic']);
  for (const [index, rule] of (traffic.rules ?? []).entries()) {
    check(rule, ['traffic', 'rules', index]);
  }
}
