import type { ApprovalEntry } from './approval/approval-entry.ts';
import { approvalPolicySha256 } from './approval/approval.ts';
import type { PersonDirectory } from './approval/person-directory.ts';
import { quorumOf, type RecordedApproval } from './approval/quorum.ts';
import type { Duty, EvidencePlan } from './evidence-plan.ts';
import type { ReleaseFacts, RequestFacts } from './release-facts.ts';

/**
 * Whether what the plans of rollouts owe is in the ledger, and in order. It needs the entries alone: a rollout whose gate was never
 * judged, whose approvals are not there, or which has no end although the next one began, is named with the entry where it shows.
 *
 * E1 A step is left forward after its share was in force, with a verdict that passes where it is gated, and with the quorum where
 *    approvals are owed: counted again here, from the people's own signatures.
 * E2 A person's word stands in for a gate, an override for approvals; each is an entry that says so.
 * E3 A bake lasts as long as it was to, or a person ended it.
 * E4 Every rollout ends, unless it is the newest of its service; nothing is promoted that was not at 100 %.
 * E5 What was begun by a program that wrote no such plan is counted, and not judged; after the first plan each one has to have its
 *    own.
 */
export class EvidenceCheck {
  readonly #people: PersonDirectory;
  /** By service: its newest rollout with a plan, until it ends. */
  readonly #open = new Map<string, OpenRollout>();
  /** By digest of the request. */
  readonly #approvals = new Map<string, RecordedApproval[]>();
  readonly #findings: EvidenceFinding[] = [];
  #findingCount = 0;
  #planned = 0;
  #ended = 0;
  #withoutPlan = 0;
  #witnesses: EvidencePlan['witnesses'] | null = null;

  constructor(people: PersonDirectory) {
    this.#people = people;
  }

  addApproval(index: number, observedAtMs: number, entry: ApprovalEntry): void {
    const { requestSha256 } = entry.approval;
    const known = this.#approvals.get(requestSha256);
    // Those of other requests are nobody's any more.
    if (known === undefined) return;
    known.push({ index, observedAtMs, ...entry });
  }

  add(index: number, facts: ReleaseFacts): void {
    const { service } = facts;
    if (facts.type === 'release-plan') return this.#begin(index, facts);
    const open = this.#open.get(service);
    if (open === undefined || open.rolloutId !== facts.rolloutId) return;
    if (facts.request !== null) this.#ask(index, open, facts.request);
    switch (facts.decision) {
      case 'advance':
      case 'widen':
        return this.#leave(index, open, facts);
      case 'progress':
        if (facts.type === 'deploy-outcome' && facts.weightPercent === weightOf(open, open.step)) {
          open.isInForce = true;
        }
        return;
      case 'bake':
        open.isInForce = true;
        open.fullSinceMs = facts.atMs;
        return;
      case 'promoted':
        return this.#promoted(index, open, facts);
      case 'rolled-back':
      case 'delete':
        return this.#end(service);
    }
  }

  report(): EvidenceReport {
    return {
      planned: this.#planned,
      ended: this.#ended,
      underWay: [...this.#open.values()].map(({ rolloutId }) => rolloutId),
      withoutPlan: this.#withoutPlan,
      witnesses: this.#witnesses,
      findingCount: this.#findingCount,
      findings: [...this.#findings],
    };
  }

  #begin(index: number, facts: ReleaseFacts): void {
    const { service, rolloutId, plan } = facts;
    const before = this.#open.get(service);
    if (before !== undefined) {
      this.#find(index, before, `it has no outcome, and ${rolloutId} begins`);
      this.#forget(before);
      this.#open.delete(service);
    }
    if (plan === null) {
      this.#withoutPlan += 1;
      if (this.#planned > 0) {
        this.#find(index, facts, 'it does not say what has to follow, as rollouts before it did');
      }
      return;
    }
    this.#planned += 1;
    const { must, witnesses } = plan;
    this.#witnesses = witnesses;
    this.#open.set(service, {
      rolloutId,
      must,
      step: 0,
      isInForce: true,
      fullSinceMs: null,
      request: null,
    });
  }

  #ask(index: number, open: OpenRollout, request: RequestFacts): void {
    this.#forget(open);
    open.request = { ...request, index };
    this.#approvals.set(request.sha256, []);
  }

  #leave(index: number, open: OpenRollout, facts: ReleaseFacts): void {
    const from = open.step;
    const to = stepAfter(open, facts.weightPercent);
    if (to === null) {
      this.#find(index, open, `it goes to ${facts.weightPercent} %, which is no later step of it`);
      return;
    }
    if (!open.isInForce) {
      this.#find(index, open, `step ${from} is left, and no entry says that it was in force`);
    }
    for (const duty of open.must) {
      const isLeft = 'step' in duty && duty.step >= Math.max(1, from) && duty.step < to;
      if (!isLeft || from === 0) continue;
      const isWord = facts.isByHand || facts.decision === 'widen';
      if (duty.what === 'gate-passed' && !facts.hasPassed && !isWord) {
        this.#find(index, open, `step ${duty.step} is left without a verdict that passes`);
      }
      if (duty.what === 'approvals' && facts.type !== 'override') {
        const why = this.#whyNotApproved(index, open, { duty, atMs: facts.atMs });
        if (why !== null) this.#find(index, open, `step ${duty.step} is left ${why}`);
      }
    }
    open.step = to;
    open.isInForce = false;
  }

  #whyNotApproved(
    index: number,
    { request }: OpenRollout,
    of: { readonly duty: Extract<Duty, { what: 'approvals' }>; readonly atMs: number },
  ): string | null {
    const { duty, atMs } = of;
    if (request === null) return 'and its approvals were never asked for';
    const { policy, policySha256, sha256, author } = request;
    if (policySha256 !== duty.policySha256 || approvalPolicySha256(policy) !== policySha256) {
      return 'and its approvals were asked for by another policy than planned';
    }
    const quorum = quorumOf({
      policy,
      policySha256,
      requestSha256: sha256,
      requestIndex: request.index,
      author,
      approvals: this.#approvals.get(sha256) ?? [],
      directory: this.#people,
      atIndex: index,
      atMs,
    });
    switch (quorum.kind) {
      case 'met':
        return null;
      case 'rejected':
        return `although ${quorum.person} has rejected it in entry ${quorum.index}`;
      case 'open': {
        const missing = quorum.missing.map(({ role, count }) => `${count} ${role}`).join(', ');
        return `without the approval of ${missing}`;
      }
    }
  }

  #promoted(index: number, open: OpenRollout, facts: ReleaseFacts): void {
    if (weightOf(open, open.step) !== 100) {
      this.#find(index, open, 'it is promoted, and was never ordered to be at 100 %');
    }
    const bake = open.must.find((duty) => duty.what === 'bake');
    const bakedMs = open.fullSinceMs === null ? null : facts.atMs - open.fullSinceMs;
    if (bake !== undefined && !facts.isByHand && (bakedMs === null || bakedMs < bake.durationMs)) {
      const lasted = bakedMs === null ? 'without its bake' : `after a bake of ${bakedMs} ms`;
      this.#find(index, open, `it is promoted ${lasted}, ${bake.durationMs} ms were planned`);
    }
    this.#end(facts.service);
  }

  #end(service: string): void {
    const open = this.#open.get(service);
    if (open !== undefined) this.#forget(open);
    this.#open.delete(service);
    this.#ended += 1;
  }

  #forget({ request }: OpenRollout): void {
    if (request !== null) this.#approvals.delete(request.sha256);
  }

  #find(index: number, { rolloutId }: { readonly rolloutId: string }, what: string): void {
    this.#findingCount += 1;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push({ index, rolloutId, what });
  }
}

/** More than so many are counted, and not told one by one. */
export const MAX_FINDINGS = 100;

export interface EvidenceFinding {
  /** Of the entry where it shows. */
  readonly index: number;
  readonly rolloutId: string;
  readonly what: string;
}

export interface EvidenceReport {
  /** Rollouts whose first entry says what has to follow. */
  readonly planned: number;
  /** Those of them that have an outcome. */
  readonly ended: number;
  /** Ids of those that have none yet, and are the newest of their services. */
  readonly underWay: readonly string[];
  /** Rollouts that were begun by a program which wrote no plan. */
  readonly withoutPlan: number;
  /** Who was to witness promotions when the newest rollout with a plan began; null: there is none. */
  readonly witnesses: EvidencePlan['witnesses'] | null;
  readonly findingCount: number;
  /** What is missing or out of order, at most `MAX_FINDINGS`. */
  readonly findings: readonly EvidenceFinding[];
}

interface OpenRollout {
  readonly rolloutId: string;
  readonly must: readonly Duty[];
  /** Ordered last, from 1 on; 0: none yet. */
  step: number;
  /** Whether that step's share was ever in force. */
  isInForce: boolean;
  fullSinceMs: number | null;
  request: (RequestFacts & { readonly index: number }) | null;
}

function weightOf({ must }: OpenRollout, step: number): number | null {
  const duty = must.find((each) => each.what === 'in-force' && each.step === step);
  return duty?.what === 'in-force' ? duty.weightPercent : null;
}

/** The first later step of this share; null: there is none. */
function stepAfter({ must, step }: OpenRollout, weightPercent: number | null): number | null {
  const found = must.find(
    (each) => each.what === 'in-force' && each.step > step && each.weightPercent === weightPercent,
  );
  return found?.what === 'in-force' ? found.step : null;
}

/** For people: what of the evidence that plans owe is missing; empty when no rollout was planned. */
export function evidenceLines(evidence: EvidenceReport): string[] {
  const { planned, ended, underWay, withoutPlan, findingCount, findings } = evidence;
  if (planned + withoutPlan === 0) return [];
  const before = withoutPlan === 0 ? '' : `, ${withoutPlan} more were begun without saying it`;
  const open = underWay.length === 0 ? '' : `, ${underWay.length} under way`;
  const all = `of ${planned} rollouts that said what has to follow ${ended} have ended${open}${before}`;
  if (findingCount === 0) return [`evidence: nothing is missing; ${all}`];
  const more = findingCount - findings.length;
  return [
    `EVIDENCE IS MISSING or out of order in ${findingCount} places; ${all}`,
    ...findings.map(({ index, rolloutId, what }) => `  entry ${index}, ${rolloutId}: ${what}`),
    ...(more === 0 ? [] : [`  and ${more} more`]),
  ];
}

/** Whether somebody outside was to see a promotion before its users did, in one sentence. */
export function witnessText(witnesses: EvidenceReport['witnesses']): string {
  switch (witnesses?.mode) {
    case undefined:
      return 'No rollout of it says whether witnesses were asked.';
    case 'off':
      return 'Witnesses were off: nobody outside was asked to remember this ledger, so a rewrite by who holds its keys would not show.';
    case 'warn':
      return `Witnesses (${witnesses?.quorum}) were asked, and no promotion waited for them.`;
    case 'require':
      return `Promotions waited until witnesses (${witnesses?.quorum}) had cosigned their entries.`;
  }
}
