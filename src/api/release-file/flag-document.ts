import type { FlagInput, FlagRuleInput, FlagSettings } from './flag-checks.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A flag for all environments, and what some have of their own. */
export interface FlagDocument extends FlagSettingsDocument {
  readonly key: string;
  readonly variants: Readonly<
    Record<string, boolean | number | string | { readonly [key: string]: Json }>
  >;
  readonly environments: Readonly<Record<string, Partial<FlagSettingsDocument>>>;
}

export interface FlagSettingsDocument {
  readonly state: 'ENABLED' | 'DISABLED';
  readonly defaultVariant: string;
  readonly targeting: readonly FlagRuleDocument[];
}

export interface FlagRuleDocument {
  readonly when: readonly {
    readonly attribute: string;
    readonly values: readonly (string | number | boolean)[];
  }[];
  readonly serve:
    | { readonly kind: 'variant'; readonly variant: string }
    | {
        readonly kind: 'split';
        /** Multiples of 0.1 that sum to 100. */
        readonly shares: readonly { readonly variant: string; readonly percent: number }[];
      };
}

type Written = FlagInput & { readonly variants: FlagDocument['variants'] };

/** Sorted by key, so that the order in a file makes no other revision. */
export function toFlags(flags: Readonly<Record<string, Written>>): readonly FlagDocument[] {
  return Object.entries(flags)
    .map(([key, flag]) => toFlag(key, flag))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Of a step: sorted likewise. */
export function toTurns(
  turns: Readonly<Record<string, string>>,
): readonly { readonly flag: string; readonly variant: string }[] {
  return Object.entries(turns)
    .map(([flag, variant]) => ({ flag, variant }))
    .toSorted((a, b) => (a.flag < b.flag ? -1 : 1));
}

function toFlag(key: string, { variants, environments = {}, ...own }: Written): FlagDocument {
  return {
    key,
    variants,
    state: own.state ?? 'ENABLED',
    defaultVariant: own.defaultVariant,
    targeting: (own.targeting ?? []).map(toRule),
    environments: Object.fromEntries(
      Object.entries(environments).map(([name, settings]) => [name, toSettings(settings)]),
    ),
  };
}

function toSettings({
  state,
  defaultVariant,
  targeting,
}: FlagSettings): Partial<FlagSettingsDocument> {
  return {
    ...(state === undefined ? {} : { state }),
    ...(defaultVariant === undefined ? {} : { defaultVariant }),
    ...(targeting === undefined ? {} : { targeting: targeting.map(toRule) }),
  };
}

/** The schema has seen to it that there is exactly one of variant and split. */
function toRule({ when = {}, variant, split = {} }: FlagRuleInput): FlagRuleDocument {
  const shares = Object.entries(split).map(([name, percent]) => ({ variant: name, percent }));
  return {
    when: Object.entries(when).map(([attribute, values]) => ({ attribute, values })),
    serve: variant === undefined ? { kind: 'split', shares } : { kind: 'variant', variant },
  };
}
