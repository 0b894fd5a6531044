/**
 * What a flag gives in a context: OpenFeature's evaluation, with its reasons and error codes
 * (openfeature.dev/specification/types).
 *
 * - F1. The same flag, turns and context give the same variant in every process and after every restart.
 * - F2. A split keeps a targeting key with its variant while that variant's shares, and those before it, do not shrink; the
 *   hash is of the service, the flag and the key, so that each flag draws other people, and every revision the same.
 * - F3. A split asks for a targeting key. Without one there is no answer, rather than one that changes with each request.
 */
import { KeyedHash } from '../traffic/keyed-hash.ts';
import type { Flag, FlagRule, FlagShare, FlagTurn, FlagValue } from './flag.ts';

/** What is known of who asks. Checked by `readContext`. */
export interface FlagContext {
  readonly targetingKey: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export type FlagAnswer =
  | {
      readonly kind: 'value';
      readonly variant: string;
      readonly value: FlagValue;
      /** `STATIC`: the flag has no rules; `DEFAULT`: none of them fits. */
      readonly reason: 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH' | 'SPLIT';
      /** Null: as the revision has it. */
      readonly turn: FlagTurn | null;
    }
  | {
      readonly kind: 'refused';
      readonly code: 'FLAG_NOT_FOUND' | 'TARGETING_KEY_MISSING' | 'GENERAL';
      readonly details: string;
    };

/** `service`: of the hash. `flag` undefined: there is none of that key. */
export function evaluateFlag(
  flag: Flag | undefined,
  context: FlagContext,
  known: { readonly service: string; readonly turns: readonly FlagTurn[] },
): FlagAnswer {
  if (flag === undefined) return refused('FLAG_NOT_FOUND', 'this revision has no such flag');
  if (flag.state === 'DISABLED') return refused('FLAG_NOT_FOUND', 'the flag is disabled');
  const rule = flag.targeting.find((each) => isMet(each, context));
  if (rule !== undefined) return byRule(flag, rule, { context, service: known.service });
  const turn = known.turns.find((each) => each.flag === flag.key) ?? null;
  const reason = flag.targeting.length === 0 ? 'STATIC' : 'DEFAULT';
  return given(flag, turn?.variant ?? flag.defaultVariant, reason, turn);
}

/** The context of a request; a text says why it is none. Absent: nothing is known of who asks. */
export function readContext(context: unknown): FlagContext | string {
  if (context === undefined) return { targetingKey: null, attributes: {} };
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    return 'the context must be an object';
  }
  const attributes: Readonly<Record<string, unknown>> = { ...context };
  const { targetingKey = null } = attributes;
  if (targetingKey === null || targetingKey === '') return { targetingKey: null, attributes };
  if (typeof targetingKey === 'string') return { targetingKey, attributes };
  return 'targetingKey must be a text';
}

function isMet({ when }: FlagRule, { attributes }: FlagContext): boolean {
  return when.every(({ attribute, values }) => {
    if (!Object.hasOwn(attributes, attribute)) return false;
    const found = attributes[attribute];
    return values.some((value) => value === found);
  });
}

function byRule(
  flag: Flag,
  { serve }: FlagRule,
  { context, service }: { readonly context: FlagContext; readonly service: string },
): FlagAnswer {
  if (serve.kind === 'variant') return given(flag, serve.variant, 'TARGETING_MATCH', null);
  const { targetingKey } = context;
  if (targetingKey === null) {
    return refused('TARGETING_KEY_MISSING', 'the flag is split by the targeting key');
  }
  const point = pointOf(`${service}/${flag.key}`, targetingKey);
  return given(flag, shareAt(serve.shares, point), 'SPLIT', null);
}

/** Uniform in [0, 1000) over keys. */
function pointOf(salt: string, targetingKey: string): number {
  hash.update(salt, 0);
  hash.update(targetingKey, hash.low);
  return (hash.low * 1000) / 2 ** 32;
}

/** Any two numbers, but for ever the same ones: another key moves everybody (F1). */
const hash = new KeyedHash([0x666c_6167, 0x7469_6465]);

function shareAt(shares: readonly FlagShare[], point: number): string {
  let upTo = 0;
  for (const { variant, percent } of shares) {
    upTo += Math.round(percent * 10);
    if (point < upTo) return variant;
  }
  return shares.at(-1)?.variant ?? '';
}

function given(
  flag: Flag,
  variant: string,
  reason: Extract<FlagAnswer, { kind: 'value' }>['reason'],
  turn: FlagTurn | null,
): FlagAnswer {
  const value = Object.hasOwn(flag.variants, variant) ? flag.variants[variant] : undefined;
  // Checked where flags are taken; said rather than guessed should it come to be otherwise.
  if (value === undefined) return refused('GENERAL', `the flag has no variant ${variant}`);
  return { kind: 'value', variant, value, reason, turn };
}

function refused(
  code: Extract<FlagAnswer, { kind: 'refused' }>['code'],
  details: string,
): FlagAnswer {
  return { kind: 'refused', code, details };
}
