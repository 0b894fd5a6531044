/** What is wrong with a flag as a whole, where each value by itself is well written. */

/** As written. */
export interface FlagInput extends FlagSettings {
  readonly variants: Readonly<Record<string, unknown>>;
  readonly defaultVariant: string;
  readonly environments?: Readonly<Record<string, FlagSettings>> | undefined;
}

export interface FlagSettings {
  readonly state?: 'ENABLED' | 'DISABLED' | undefined;
  readonly defaultVariant?: string | undefined;
  readonly targeting?: readonly FlagRuleInput[] | undefined;
}

export interface FlagRuleInput {
  readonly when?: Readonly<Record<string, readonly (string | number | boolean)[]>> | undefined;
  readonly variant?: string | undefined;
  readonly split?: Readonly<Record<string, number>> | undefined;
}

/** A step as far as flags go. */
interface TurningStep {
  readonly flags?: Readonly<Record<string, string>> | undefined;
}

export interface FlagFault {
  /** Within the flag, or within the spec. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

const variantsMax = 16;
const rulesMax = 16;
const conditionsMax = 8;
const environmentsMax = 16;

export function flagChecks(flag: FlagInput): readonly FlagFault[] {
  const environments = Object.entries(flag.environments ?? {});
  if (Object.keys(flag.variants).length === 0) return variantFaults(flag.variants);
  return [
    ...variantFaults(flag.variants),
    ...settingFaults(flag, flag, []),
    ...countFaults(environments.length, environmentsMax, ['environments'], 'environments'),
    ...environments.flatMap(([name, settings]) => {
      const path = ['environments', name];
      const isEmpty = Object.values(settings).every((each) => each === undefined);
      if (isEmpty) return [{ path, message: 'says nothing: leave it out' }];
      return settingFaults(flag, settings, path);
    }),
  ];
}

/** Of steps, against the flags of the service. */
export function turnChecks(
  flags: Readonly<Record<string, FlagInput>> | undefined,
  steps: readonly TurningStep[],
): readonly FlagFault[] {
  const at = new Map<string, string>();
  return steps.flatMap(({ flags: turns = {} }, index) =>
    Object.entries(turns).flatMap(([key, variant]): readonly FlagFault[] => {
      const path = ['rollout', 'steps', index, 'flags', key];
      const flag = Object.hasOwn(flags ?? {}, key) ? flags?.[key] : undefined;
      if (flag === undefined) {
        return [
          { path, message: `${key} is no flag of this service`, hint: 'declare it in "flags"' },
        ];
      }
      const before = at.get(key);
      at.set(key, variant);
      const why = whyNotTurned(flag, variant, before);
      return why === null ? [] : [{ path, message: why }];
    }),
  );
}

function whyNotTurned(flag: FlagInput, variant: string, before: string | undefined): string | null {
  if (!Object.hasOwn(flag.variants, variant)) return noVariant(flag.variants, variant);
  if (before === variant) return `has been ${variant} since an earlier step`;
  const everywhere = [flag, ...Object.values(flag.environments ?? {})].map((own) => ({
    state: own.state ?? flag.state ?? 'ENABLED',
    defaultVariant: own.defaultVariant ?? flag.defaultVariant,
    targeting: own.targeting ?? flag.targeting ?? [],
  }));
  if (before === undefined && everywhere.every((each) => each.defaultVariant === variant)) {
    return `is ${variant} by default: the step would turn nothing`;
  }
  if (everywhere.every(({ state }) => state === 'DISABLED')) {
    return 'is disabled in every environment: a step cannot turn it';
  }
  if (
    everywhere.every(({ targeting }) => targeting.some((rule) => conditionsOf(rule).length === 0))
  ) {
    return 'has a rule for everybody: a step would turn it for nobody';
  }
  return null;
}

function variantFaults(variants: FlagInput['variants']): readonly FlagFault[] {
  const entries = Object.entries(variants);
  const [first] = entries;
  if (first === undefined) return [{ path: ['variants'], message: 'must have at least one' }];
  const type = typeof first[1];
  const mixed = entries.flatMap(([name, value]) => {
    if (typeof value === type) return [];
    const message = `is ${typeWords(value)}, and ${first[0]} is ${typeWords(first[1])}: all variants of a flag are of one type`;
    return [{ path: ['variants', name], message }];
  });
  return [...countFaults(entries.length, variantsMax, ['variants'], 'variants'), ...mixed];
}

function settingFaults(
  { variants }: FlagInput,
  { defaultVariant, targeting = [] }: FlagSettings,
  path: readonly string[],
): readonly FlagFault[] {
  const isKnown = defaultVariant === undefined || Object.hasOwn(variants, defaultVariant);
  const at = [...path, 'targeting'];
  return [
    ...(isKnown
      ? []
      : [{ path: [...path, 'defaultVariant'], message: noVariant(variants, defaultVariant) }]),
    ...countFaults(targeting.length, rulesMax, at, 'rules'),
    ...targeting.flatMap((rule, index) => [
      ...ruleFaults(variants, rule, [...at, index]),
      ...reachFaults(targeting, index, [...at, index]),
    ]),
  ];
}

function ruleFaults(
  variants: FlagInput['variants'],
  rule: FlagRuleInput,
  path: FlagFault['path'],
): readonly FlagFault[] {
  const { variant, split } = rule;
  const conditions = conditionsOf(rule);
  if ((variant === undefined) === (split === undefined)) {
    return [{ path, message: 'must have exactly one of variant and split' }];
  }
  if (variant !== undefined && conditions.length === 0) {
    const hint = 'put it into "defaultVariant"';
    return [{ path, message: 'has no "when": it would be for everybody', hint }];
  }
  const shares = Object.entries(split ?? {});
  const names = variant === undefined ? shares.map(([name]) => name) : [variant];
  const unknown = names.filter((name) => !Object.hasOwn(variants, name));
  const sum = shares.reduce((all, [, share]) => all + Math.round(share * 10), 0);
  return [
    ...countFaults(conditions.length, conditionsMax, [...path, 'when'], 'conditions'),
    ...unknown.map((name) => ({
      path: variant === undefined ? [...path, 'split', name] : [...path, 'variant'],
      message: noVariant(variants, name),
    })),
    ...(split === undefined || sum === 1000
      ? []
      : [{ path: [...path, 'split'], message: `must sum to 100%, not ${sum / 10}%` }]),
    ...(shares.length === 1
      ? [{ path: [...path, 'split'], message: 'needs two variants or more' }]
      : []),
  ];
}

/** A rule is never reached when one before it has everybody that it could have. */
function reachFaults(
  rules: readonly FlagRuleInput[],
  index: number,
  path: FlagFault['path'],
): readonly FlagFault[] {
  const own = rules[index];
  if (own === undefined) return [];
  const first = rules.slice(0, index).findIndex((earlier) => isCovered(own, earlier));
  if (first < 0) return [];
  const message = `is never reached: rule ${first + 1} has everybody whom it would have`;
  return [{ path, message, hint: 'take it out, or put it first' }];
}

function isCovered(rule: FlagRuleInput, by: FlagRuleInput): boolean {
  return conditionsOf(by).every(([attribute, values]) => {
    const own = rule.when?.[attribute];
    return own?.every((value) => values.includes(value)) === true;
  });
}

function conditionsOf({ when = {} }: FlagRuleInput) {
  return Object.entries(when);
}

function countFaults(
  count: number,
  max: number,
  path: FlagFault['path'],
  what: string,
): readonly FlagFault[] {
  return count <= max ? [] : [{ path, message: `has ${count} ${what}, more than ${max}` }];
}

function noVariant(variants: FlagInput['variants'], name: string | undefined): string {
  return `names ${JSON.stringify(name)}, which is none of ${Object.keys(variants).join(', ')}`;
}

function typeWords(value: unknown): string {
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'object') return 'a mapping';
  return `a ${typeof value}`;
}
