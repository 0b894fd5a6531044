import {
  type ApprovalPolicy,
  approvalPolicySha256,
  type RoleRule,
} from '../evidence/approval/approval.ts';
import { listText, secondsText } from './wording/amount-text.ts';
import type { ReleaseEvent } from './event.ts';
import { order, unchanged } from './order.ts';
import {
  activeRollout,
  type ApprovalRequest,
  type ApprovalStanding,
  type Decision,
  type Phase,
  type Rollout,
  type ServiceState,
} from './service-state.ts';

/**
 * Steps that signed approvals have to pass.
 *
 * A1  A step with a policy is left forward only when its quorum is met and its gate passes, or by an override that says why.
 * A2  Nobody goes past it from further below either: what skips steps needs the approvals of each of them.
 * A3  A way back needs no approval.
 * A4  Whose word counts is found outside, from the ledger's entries (domain/evidence/approval); here only what came of it.
 */
export function seeApprovals(
  state: ServiceState,
  event: Extract<ReleaseEvent, { kind: 'approvals' }>,
): Decision {
  const rollout = activeRollout(state);
  if (rollout?.phase.kind !== 'waiting') return unchanged(state);
  const { phase } = rollout;
  const isOfThis = rollout.id === event.rolloutId && phase.stepIndex === event.stepIndex;
  const isNews = JSON.stringify(phase.approvals) !== JSON.stringify(event.standing);
  if (!isOfThis || !isNews || policyOf(rollout, phase.stepIndex) === null) return unchanged(state);
  const next: ServiceState = {
    ...state,
    rollout: { ...rollout, phase: { ...phase, approvals: event.standing } },
  };
  if (event.standing.kind !== 'rejected') return unchanged(next);
  const { person, reason } = event.standing;
  return order(next, {
    atMs: event.atMs,
    type: 'decision',
    decision: 'hold',
    sentence: `rejected by ${person} ("${reason}"): it stays at this step; "tidegate rollout abort ${state.name}" goes back`,
  });
}

/** Whose signed approvals the step waits for after its gate; null: nobody's. */
export function policyOf(rollout: Rollout, stepIndex: number): ApprovalPolicy | null {
  const wait = rollout.plan.steps[stepIndex]?.wait;
  return wait?.kind === 'approval' ? (wait.policy ?? null) : null;
}

/** What the entry says that asks for them. */
export function requestOf(rollout: Rollout, stepIndex: number): ApprovalRequest | null {
  const policy = policyOf(rollout, stepIndex);
  if (policy === null) return null;
  return {
    stepNumber: stepIndex + 1,
    policy,
    policySha256: approvalPolicySha256(policy),
    author: rollout.startedBy.who,
    candidateSha256: rollout.candidate.digest,
    stableSha256: rollout.stable?.digest ?? null,
  };
}

/** Of a waiting step: its quorum is met, and none of the approvals has expired. */
export function isApproved(phase: Phase, atMs: number): boolean {
  if (phase.kind !== 'waiting') return false;
  const standing = phase.approvals;
  return standing?.kind === 'met' && atMs < standing.untilMs;
}

/** Why a person can't simply go from one step to a later one; null: nothing is in the way. */
export function whyNotPast(
  rollout: Rollout,
  steps: { readonly from: number; readonly to: number; readonly atMs: number },
): string | null {
  for (let index = steps.from; index < steps.to; index += 1) {
    const policy = policyOf(rollout, index);
    const isHere = index === steps.from && isApproved(rollout.phase, steps.atMs);
    if (policy === null || isHere) continue;
    const where = `step ${index + 1} needs signed approvals (${rulesText(policy.rules)})`;
    return `${where}: "tidegate approve ${rollout.id}"; an emergency: --override --reason "..."`;
  }
  return null;
}

/** How the approvals of a waiting step stand: `waiting for the approval of 1 sre, 1 owner`. */
export function standingText(rollout: Rollout, atMs: number): string | null {
  const { phase } = rollout;
  if (phase.kind !== 'waiting') return null;
  const policy = policyOf(rollout, phase.stepIndex);
  if (policy === null) return null;
  const standing = phase.approvals ?? { kind: 'open', missing: policy.rules };
  const forText = `for ${secondsText(atMs - phase.sinceMs)}`;
  switch (standing.kind) {
    case 'open':
      return `waiting ${forText} for the approval of ${rulesText(standing.missing)}: "tidegate approve ${rollout.id}"`;
    case 'met':
      return atMs < standing.untilMs
        ? approvedText(standing)
        : `the approvals have expired, waiting ${forText}: "tidegate approve ${rollout.id}"`;
    case 'rejected':
      return `rejected by ${standing.person} ("${standing.reason}"), waiting ${forText}`;
  }
}

/** `approved by ana (sre, entry 12) and ben (owner, entry 14)`; null: it was not by approvals. */
export function approvalsText(phase: Phase): string | null {
  const standing = phase.kind === 'waiting' ? phase.approvals : undefined;
  return standing?.kind === 'met' ? approvedText(standing) : null;
}

/** When a step begins to wait for people; `passed` is what its gate says. */
export function waitSentence(rollout: Rollout, stepIndex: number, passed: string): string {
  const policy = policyOf(rollout, stepIndex);
  if (policy === null) {
    const name = rollout.candidate.service;
    return `${passed}; waiting for approval: "tidegate rollout promote ${name}"`;
  }
  return `${passed}; waiting for the approval of ${rulesText(policy.rules)}: "tidegate approve ${rollout.id}"`;
}

function approvedText({ by }: Extract<ApprovalStanding, { kind: 'met' }>): string {
  const people = by.map(({ person, role, index }) => `${person} (${role}, entry ${index})`);
  return `approved by ${listText(people)}`;
}

function rulesText(rules: readonly RoleRule[]): string {
  return listText(rules.map(({ role, count }) => `${count} ${role}`));
}
