import type { PolicyDocument } from '../../../api/release-file/parse-policy-file.ts';
import type { PolicyOutcome } from '../../../control/replay/policy-shadow.ts';
import { harmless, type Look, paint } from '../look.ts';
import { tableLines } from '../views/table.ts';
import { countText, durationText, percentText } from '../views/words.ts';
import type { BacktestReport, BacktestRow, PeerTotals } from './backtest-report.ts';

/** What the rollouts were, what the policy makes of them, the totals, and what all that rests on. */
export function backtestLines(report: BacktestReport, look: Look): string[] {
  const { policies, rollouts, skipped, peers, sentences } = report;
  const heads = ['ROLLOUT', 'RECORDED', 'AFTER', 'FAILED', 'POLICY', 'AFTER', 'FAILED'];
  return [
    ...policies.map((policy) => policyLine(policy, look)),
    ...(rollouts.length === 0
      ? []
      : ['', ...tableLines({ heads, rows: rollouts.map(cells) }, false)]),
    ...(skipped.length === 0 ? [] : ['']),
    ...skipped.map(
      ({ rolloutId, sentence }) => `${harmless(rolloutId)}: left out, ${harmless(sentence)}`,
    ),
    '',
    ...sentences,
    ...(peers.length === 0 ? [] : ['', ...peerLines(peers)]),
    '',
    ...report.assumptions.map((sentence) => paint(look, 'faint', sentence)),
  ];
}

function policyLine({ name, service, gate, objectives }: PolicyDocument, look: Look): string {
  const whose = service === null ? 'every service' : 'its own rollouts';
  const points = Number((100 * gate.worseByRatio).toPrecision(4));
  const facts = [
    `false rollback ${percentText(100 * gate.falseRollbackRatio)}`,
    `worse by ${points} pp`,
    `soak ${durationText(gate.soakMs)}`,
    objectives === null
      ? 'objectives as recorded'
      : `${objectives.length} objective${objectives.length === 1 ? '' : 's'}`,
  ];
  return `${paint(look, 'bold', harmless(name))}, for ${whose}: ${facts.join(', ')}`;
}

function cells({ rolloutId, recorded, policy }: BacktestRow): string[] {
  return [
    harmless(rolloutId),
    recorded.outcome === 'promoted' ? 'promoted' : `rolled back (${recorded.cause})`,
    durationText(recorded.afterMs),
    countText(recorded.candidate.failures),
    outcomeText(policy),
    policy.kind === 'unknown' ? '-' : durationText(policy.afterMs),
    policy.kind === 'unknown' ? '-' : countText(policy.candidate.failures),
  ];
}

function outcomeText(policy: PolicyOutcome): string {
  switch (policy.kind) {
    case 'promoted':
      return 'promoted';
    case 'rolled-back':
      return 'rolled back';
    case 'unknown':
      return `unknown after ${durationText(policy.afterMs)}`;
    case 'not-by-gate':
      return 'the same, by no gate';
    case 'holds': {
      const held = `holds at ${percentText(policy.weightPercent)}, then unknown`;
      const later = policy.laterRollBack;
      return later === null ? held : `${held} (fails at ${durationText(later.afterMs)})`;
    }
  }
}

function peerLines(peers: readonly PeerTotals[]): string[] {
  const heads = ['RULE', 'ROLLS BACK PROMOTED', 'ROLLS BACK BAD', 'FAILED REQUESTS', 'RECORDED'];
  const rows = peers.map((peer) => [
    peer.rule,
    `${peer.promotedRolledBack} of ${peer.promoted}`,
    `${peer.rolledBackToo} of ${peer.rolledBack}${peer.unknown === 0 ? '' : ` (${peer.unknown} unknown)`}`,
    peer.rolledBackToo === 0
      ? '-'
      : `${peer.extrapolated > 0 ? '~' : ''}${countText(peer.failedRequests)}`,
    peer.rolledBackToo === 0 ? '-' : countText(peer.recordedFailedRequests),
  ]);
  return tableLines({ heads, rows }, false);
}
