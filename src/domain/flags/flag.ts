import type { JsonObject, JsonValue } from '../evidence/canonical-json.ts';

/** All variants of a flag are of one of these, and none is null or a list at its top. */
export type FlagValue = boolean | string | number | JsonObject;

export type FlagType = 'boolean' | 'string' | 'number' | 'object';

/**
 * A feature flag of a revision, in the words of OpenFeature and flagd. It never changes while its revision lives; what a rollout
 * turns stands beside it (`FlagTurn`).
 */
export interface Flag {
  /** Unique within a service. */
  readonly key: string;
  /** A disabled flag has no value: who asks uses the default in the own code. */
  readonly state: 'ENABLED' | 'DISABLED';
  /** By name; at least one, all of one type. */
  readonly variants: Readonly<Record<string, FlagValue>>;
  /** What everybody gets whom no rule names. */
  readonly defaultVariant: string;
  /** The first that fits decides. */
  readonly targeting: readonly FlagRule[];
  /** Whose values these are, where the file has some for this environment alone; absent: the file's for all. */
  readonly environment?: string;
}

export interface FlagRule {
  /** All have to hold; empty: it holds for everybody. */
  readonly when: readonly FlagCondition[];
  readonly serve:
    | { readonly kind: 'variant'; readonly variant: string }
    /** By the hash of the targeting key; multiples of 0.1 that sum to 100, laid out in this order. */
    | { readonly kind: 'split'; readonly shares: readonly FlagShare[] };
}

/** The attribute of the context is one of the values, in type and all. */
export interface FlagCondition {
  readonly attribute: string;
  readonly values: readonly (string | number | boolean)[];
}

export interface FlagShare {
  readonly variant: string;
  readonly percent: number;
}

/** A step of a rollout has set what a flag gives where no rule says otherwise, in place of its default variant. */
export interface FlagTurn {
  readonly flag: string;
  readonly variant: string;
  readonly rolloutId: string;
  /** Counts from 1. */
  readonly stepNumber: number;
}

/** The flags that the instances of one revision see. */
export interface RevisionFlags {
  readonly revisionId: string;
  readonly flags: readonly Flag[];
  /** At most one for each flag. */
  readonly turns: readonly FlagTurn[];
}

/** Bounds of what one service may declare; the reason is the work and the memory of who answers for all services. */
export const flagLimits = {
  flags: 64,
  variants: 16,
  rules: 16,
  conditions: 8,
  values: 64,
  /** Of a key, and of the name of a variant or an attribute. */
  nameLength: 64,
  textLength: 1024,
  /** Of an object, as JSON. */
  objectLength: 4096,
  /** Of all flags of a service, as JSON. */
  totalLength: 16_384,
} as const;

export const flagNamePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** Null: a value that no flag can have. */
export function typeOfValue(value: JsonValue): FlagType | null {
  if (value === null || Array.isArray(value)) return null;
  const type = typeof value;
  return type === 'boolean' || type === 'string' || type === 'number' || type === 'object'
    ? type
    : null;
}

export function flagTypeOf({ variants }: Pick<Flag, 'variants'>): FlagType | null {
  const [first] = Object.values(variants);
  return first === undefined ? null : typeOfValue(first);
}

/** What those get whom no rule names. */
export function variantInForce(flag: Flag, turns: readonly FlagTurn[]): string {
  return turns.find((turn) => turn.flag === flag.key)?.variant ?? flag.defaultVariant;
}
