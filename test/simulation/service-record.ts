import type { Statement } from '../../src/domain/evidence/statement.ts';

/** What an entry of a service says, read as a stranger would: from the ledger's bytes, not from the decider's types. */
export interface Said {
  readonly decision: string;
  readonly atMs: number;
  readonly rolloutId: string;
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string | null;
  readonly weightPercent: number;
  readonly isByHand: boolean;
  readonly verdict: string | null;
  readonly bakeMs: number;
  /** The plan has its candidate checked before a switch. */
  readonly isBlueGreen: boolean;
  /** The plan has instances go and come one after the other. */
  readonly isRolled: boolean;
  /** How many more and fewer instances there may be meanwhile; null: the plan has no such bounds. */
  readonly rolling: { readonly surge: number; readonly unavailable: number } | null;
  /** Weights of the plan's gated steps. */
  readonly gatedPercents: readonly number[];
  readonly sentence: string;
  /** Shares ordered by this entry, by revision; null: it orders no traffic. */
  readonly ordered: ReadonlyMap<string, number> | null;
  /** The instance that this entry has replaced; null: none. */
  readonly replaced: string | null;
}

export function readSaid(statement: Statement): Said {
  const data = statement.data as Record<string, unknown>;
  const plan = data['plan'] as {
    readonly bakeMs: number;
    readonly strategy?: PlannedStrategy;
    readonly steps: readonly { readonly gated: boolean; readonly weightPercent: number }[];
  } | null;
  const verdict = data['verdict'] as { readonly kind: string } | null;
  return {
    decision: String(data['decision']),
    atMs: Number(data['atMs']),
    rolloutId: String(data['rolloutId']),
    fromRevisionId: data['fromRevisionId'] as string | null,
    toRevisionId: data['toRevisionId'] as string | null,
    weightPercent: Number(data['weightPercent']),
    isByHand: data['by'] !== null,
    verdict: verdict?.kind ?? null,
    bakeMs: plan?.bakeMs ?? 0,
    isBlueGreen: plan?.strategy?.kind === 'blue-green',
    isRolled: ['rolling', 'recreate'].includes(plan?.strategy?.kind ?? ''),
    rolling: rollingIn(plan?.strategy),
    gatedPercents: (plan?.steps ?? [])
      .filter((step) => step.gated)
      .map((step) => step.weightPercent),
    sentence: String(data['sentence']),
    ordered: orderedIn(data['effects'] as readonly string[]),
    replaced: replacedIn(data['effects'] as readonly string[]),
  };
}

/** What an entry orders, a line each. */
export function effectsOf({ data }: Statement): readonly string[] {
  const { effects = [] } = data as { readonly effects?: readonly string[] };
  return effects;
}

interface PlannedStrategy {
  readonly kind: string;
  readonly maxSurge?: { readonly count: number };
  readonly maxUnavailable?: { readonly count: number };
}

/** Scenarios have whole numbers, no percentages. */
function rollingIn(strategy: PlannedStrategy | undefined): Said['rolling'] {
  const { maxSurge, maxUnavailable } = strategy ?? {};
  if (maxSurge === undefined || maxUnavailable === undefined) return null;
  return { surge: maxSurge.count, unavailable: maxUnavailable.count };
}

/** `replace web-1-2, run 2 of web-1`. */
function replacedIn(effects: readonly string[]): string | null {
  const text = effects.find((each) => each.startsWith('replace '));
  return text?.slice('replace '.length, text.indexOf(',')) ?? null;
}

/** `route web.localhost to web-1 90 %, web-2 10 %`; a share of 0 is no share. */
function orderedIn(effects: readonly string[]): ReadonlyMap<string, number> | null {
  const route = effects.findLast((text) => text.startsWith('route '));
  if (route === undefined) return null;
  const shares = route.slice(route.indexOf(' to ') + 4);
  if (shares === 'nothing') return new Map();
  const pairs = shares.split(', ').map((share): [string, number] => {
    const [revisionId = '', weight = ''] = share.split(' ');
    return [revisionId, Number(weight)];
  });
  return new Map(pairs.filter(([, weight]) => weight > 0));
}
