import type { Statement } from '../../src/domain/evidence/statement.ts';
import type { Note } from './oracle.ts';
import type { Said } from './service-record.ts';

/** A rollout as its entries tell it. Places are counted in happenings. */
export interface SeenRollout {
  readonly id: string;
  readonly service: string;
  readonly candidateId: string;
  /** What it may go back to; null: nothing was stable. */
  readonly stableId: string | null;
  readonly startedAt: number;
  readonly startedAtMs: number;
  readonly bakeMs: number;
  readonly gatedPercents: readonly number[];
  /** Instances of one revision go as those of the other come, forth and back: shares follow them. */
  readonly isRolled: boolean;
  isPushedByHand: boolean;
  isTouchedByHand: boolean;
  isPaused: boolean;
  hasFailedGate: boolean;
  backAt: number | undefined;
  outcome: 'promoted' | 'rolled-back' | 'deleted' | null;
  /** The newest entry that changed what the rollout waits for. */
  stage:
    | 'starting'
    | 'rolling'
    | 'shifting'
    | 'judging'
    | 'waiting'
    | 'approval'
    | 'parked'
    | 'baking'
    | 'reverting';
  stageSinceMs: number;
  /** The newest verdict in an entry of this stage. */
  verdict: string | null;
  /** Highest weight ordered so far. */
  weightPercent: number;
  /** The share it had when it was parked, and is not given back yet; null: it is not parked. */
  parkedPercent: number | null;
  /** Parked too often: it waits for a person. */
  isHeld: boolean;
  hasAlert: boolean;
  alerts: number;
  /** In and out of the newest step that is judged: when its weight came into force, and when another was ordered. */
  judgedAtMs: number | null;
  leftAtMs: number | null;
}

export interface SeenService {
  readonly name: string;
  readonly rollouts: SeenRollout[];
  readonly orders: { readonly index: number; readonly shares: ReadonlyMap<string, number> }[];
  readonly keys: Set<string>;
  /** Instances that were ordered to be replaced. */
  readonly replaced: Set<string>;
  open: SeenRollout | null;
  stableId: string | null;
  isDeleted: boolean;
  version: number;
  lastAtMs: number;
}

export function newService(name: string): SeenService {
  return {
    name,
    rollouts: [],
    orders: [],
    keys: new Set(),
    replaced: new Set(),
    open: null,
    stableId: null,
    isDeleted: false,
    version: 0,
    lastAtMs: 0,
  };
}

interface Entry {
  readonly statement: Statement;
  readonly said: Said;
  readonly index: number;
  readonly atMs: number;
}

/** O2, O3, O7, O9 and O12 on one entry of a service; then takes over what it says. */
export function entryRules(service: SeenService, entry: Entry, note: Note): void {
  const { statement, said, index } = entry;
  if (statement.streamVersion !== service.version + 1) {
    note('O7', `${service.name} has entry ${statement.streamVersion} after ${service.version}`);
  }
  service.version = statement.streamVersion;
  if (service.keys.has(statement.idempotencyKey)) {
    note('O7', `${statement.idempotencyKey} is in the ledger twice`);
  }
  service.keys.add(statement.idempotencyKey);
  if (said.atMs < service.lastAtMs) note('O9', `${service.name} went back in time`);
  service.lastAtMs = said.atMs;
  if (said.decision === 'start') startRules(service, entry, note);
  else rolloutRules(service, entry, note);
  if (said.replaced !== null) service.replaced.add(said.replaced);
  if (said.ordered !== null) service.orders.push({ index, shares: said.ordered });
}

function startRules(service: SeenService, { said, index, atMs }: Entry, note: Note): void {
  if (service.open !== null) note('O2', `${said.rolloutId} began while ${service.open.id} ran`);
  const rollout: SeenRollout = {
    id: said.rolloutId,
    service: service.name,
    candidateId: said.toRevisionId ?? '',
    stableId: service.stableId,
    startedAt: index,
    startedAtMs: atMs,
    bakeMs: said.bakeMs,
    gatedPercents: said.gatedPercents,
    isRolled: said.isRolled && service.stableId !== null,
    isPushedByHand: false,
    isTouchedByHand: false,
    isPaused: false,
    hasFailedGate: false,
    backAt: undefined,
    outcome: null,
    stage: said.isRolled && service.stableId !== null ? 'rolling' : 'starting',
    stageSinceMs: atMs,
    verdict: null,
    weightPercent: 0,
    parkedPercent: null,
    isHeld: false,
    hasAlert: false,
    alerts: 0,
    judgedAtMs: null,
    leftAtMs: null,
  };
  service.rollouts.push(rollout);
  service.open = rollout;
  service.isDeleted = false;
}

function rolloutRules(service: SeenService, entry: Entry, note: Note): void {
  const { said, index, atMs } = entry;
  const { open } = service;
  if (said.decision === 'delete') {
    if (open !== null) open.outcome = 'deleted';
    Object.assign(service, { open: null, stableId: null, isDeleted: true });
    return;
  }
  const isForward = ['advance', 'widen', 'probe', 'unpark', 'bake', 'promoted', 'wait'].includes(
    said.decision,
  );
  const past = service.rollouts.find((each) => each.id === said.rolloutId);
  const sharesAfter = said.ordered?.get(past?.candidateId ?? '') ?? 0;
  const hasRisen =
    past?.isRolled === true
      ? sharesAfter > shareOf(service, past.candidateId)
      : said.weightPercent > 0;
  if (past?.backAt !== undefined && (isForward || hasRisen)) {
    note('O3', `${past.id} goes forward after it went back: ${said.decision}`);
  }
  if (open === null || open.id !== said.rolloutId) {
    if (isForward) note('O2', `${said.rolloutId} goes on (${said.decision}) and is not under way`);
    return;
  }
  // The bake that begins when an ordered 100 % comes into force is no step forward.
  // A recreate that has begun is not held where nobody serves; its bake is.
  const isLastMove = open.isRolled && said.decision === 'advance';
  const isHeld = isForward && said.decision !== 'bake' && !isLastMove;
  if (open.isPaused && isHeld && !said.isByHand) {
    note('O12', `${open.id} goes forward (${said.decision}) though it is paused`);
  }
  if (said.isByHand && said.decision !== 'refuse') open.isTouchedByHand = true;
  if (said.verdict !== null) open.verdict = said.verdict;
  turn(service, open, { said, index, atMs });
}

/** The share ordered last. */
export function shareOf(service: SeenService, revisionId: string): number {
  return service.orders.at(-1)?.shares.get(revisionId) ?? 0;
}

function turn(service: SeenService, open: SeenRollout, entry: Omit<Entry, 'statement'>): void {
  const { said, index, atMs } = entry;
  const enter = (stage: SeenRollout['stage']): void => {
    Object.assign(open, { stage, stageSinceMs: atMs, verdict: said.verdict });
    if (stage === 'judging') Object.assign(open, { judgedAtMs: atMs, leftAtMs: null, alerts: 0 });
    else if (stage === 'shifting' || stage === 'reverting' || stage === 'parked')
      open.leftAtMs ??= atMs;
  };
  switch (said.decision) {
    case 'park':
      open.parkedPercent ??= shareOf(service, open.candidateId);
      return enter('parked');
    case 'probe':
      return enter('parked');
    case 'unpark':
      if (said.isByHand) open.isPaused = false;
      open.parkedPercent = null;
      return enter('shifting');
    case 'hold':
      if (open.stage === 'parked' && said.sentence.includes('the most in a rollout'))
        open.isHeld = true;
      return;
    case 'alert':
    case 'alert-over':
      open.hasAlert = said.decision === 'alert';
      if (open.hasAlert) open.alerts += 1;
      return;
    case 'roll':
      return enter(open.backAt === undefined ? 'rolling' : 'reverting');
    case 'widen':
    case 'advance':
      if (said.isByHand) Object.assign(open, { isPushedByHand: true, isPaused: false });
      open.weightPercent = Math.max(open.weightPercent, said.weightPercent);
      return enter('shifting');
    case 'progress':
      if (said.sentence.startsWith('step ') && said.sentence.endsWith('in force')) enter('judging');
      return;
    case 'wait':
      return enter(said.sentence.includes('waiting for approval') ? 'approval' : 'waiting');
    case 'bake':
      return enter('baking');
    case 'pause':
      open.isPaused = true;
      return;
    case 'resume':
      Object.assign(open, { isPaused: false, stageSinceMs: atMs });
      return;
    case 'roll-back':
      Object.assign(open, { backAt: index, isPaused: false });
      open.hasFailedGate = said.verdict === 'fail';
      return enter('reverting');
    case 'promoted':
      if (said.isByHand) open.isPushedByHand = true;
      open.outcome = 'promoted';
      Object.assign(service, { open: null, stableId: open.candidateId });
      return;
    case 'rolled-back':
      open.outcome = 'rolled-back';
      service.open = null;
      return;
    default:
      return;
  }
}
