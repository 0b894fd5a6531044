import { harmless, type Look, paint } from '../look.ts';
import type { Criterion, Report, RolloutReport } from '../report/report-model.ts';
import { outcomeText, ruleCostsTable, rolloutsTable, titleOf } from '../report/report-rows.ts';
import { ruleCostsLabel } from '../report/rule-costs.ts';
import { loadLine } from './load-line.ts';
import { tableLines } from '../views/table.ts';
import { countText } from '../views/words.ts';

/** What the demo says at its end. */
export function summaryLines(report: Report, look: Look): string[] {
  const { ledger, load } = report;
  const back = report.rollouts.filter((each) => each.ruleCosts.length > 0);
  const lines = [
    ...tableLines(rolloutsTable(report), false),
    ...(back.length === 0 ? [] : ['', ...costLines(back)]),
    '',
    ...(load === null ? [] : loadLine(load, look)),
    `Ledger  ${mark(ledger.verified, look)} ${ledger.verified ? 'verified offline' : 'NOT verified'}: ${countText(ledger.entries)} entries, key ${ledger.keyIds.map(harmless).join(', ') || 'none'}`,
    '',
    ...report.criteria.map((criterion) => criterionLine(criterion, look)),
  ];
  return look.isUnicode ? lines : lines.map((line) => line.replaceAll('→', '->'));
}

function costLines(rollouts: readonly RolloutReport[]): string[] {
  return [
    `What fixed thresholds would have cost (${ruleCostsLabel}):`,
    ...rollouts.flatMap((rollout) => {
      const { heads, rows } = ruleCostsTable(rollout);
      const title = `${titleOf(rollout)}, ${outcomeText(rollout)}`;
      return ['', ...tableLines({ heads: [title, ...heads.slice(1)], rows }, false)];
    }),
  ];
}

function criterionLine({ name, measured, isMet }: Criterion, look: Look): string {
  return `${mark(isMet, look)} ${name}: ${measured}`;
}

function mark(isGood: boolean, look: Look): string {
  const [good, bad] = look.isUnicode ? ['✔', '✖'] : ['+', 'x'];
  return isGood ? paint(look, 'green', good) : paint(look, 'red', bad);
}
