import { durationText } from '../views/words.ts';
import { drawingText } from './rollout-drawing.ts';
import type { Report, RolloutReport } from './report-model.ts';
import {
  countedText,
  criteriaTable,
  entriesTable,
  headline,
  loadTable,
  outcomeText,
  type ReportTable,
  rolloutsTable,
  ruleCostsTable,
  stepsTable,
  titleOf,
} from './report-rows.ts';
import { ruleCostsLabel } from './rule-costs.ts';

/** The report as GitHub Flavored Markdown. */
export function markdownReport(report: Report): string {
  const { load, ledger } = report;
  return `${[
    `# ${markdown(report.title)}`,
    headline(report),
    `Commit ${report.commit === null ? 'not known' : `\`${report.commit}\``}, Tidegate ${report.version}, ${report.generatedAt}.`,
    '## Exit criteria',
    table(criteriaTable(report)),
    '## Rollouts',
    table(rolloutsTable(report)),
    ...report.rollouts.map(rolloutPart),
    ...(load === null
      ? []
      : [
          '## Load',
          table(loadTable(load)),
          ...load.invalidBecause.map((why) => `Not valid: ${markdown(why)}.`),
        ]),
    '## Ledger',
    `${ledger.entries} entries, ${ledger.verified ? 'verified' : 'NOT verified'}: ${markdown(ledger.statement)}`,
    [
      `- head: \`${ledger.headLeafHash ?? 'none'}\``,
      ...ledger.keyIds.map((keyId) => `- key: \`${keyId}\``),
    ].join('\n'),
  ].join('\n\n')}\n`;
}

function rolloutPart(rollout: RolloutReport): string {
  const decided =
    rollout.decidedInMs === null ? '' : `, decided in ${durationText(rollout.decidedInMs)}`;
  return [
    `## ${markdown(titleOf(rollout))}: ${outcomeText(rollout)}${decided}`,
    `${markdown(sentenceOf(rollout.reason))} ${countedText(rollout)}`,
    table(stepsTable(rollout)),
    markdown(drawingText(rollout)),
    ...(rollout.ruleCosts.length === 0
      ? []
      : [
          `What fixed thresholds would have cost, ${ruleCostsLabel}:`,
          table(ruleCostsTable(rollout)),
        ]),
    `<details><summary>Ledger entries</summary>`,
    table(entriesTable(rollout)),
    '</details>',
  ].join('\n\n');
}

function table({ heads, figures, rows }: ReportTable): string {
  const rule = heads.map((_, column) => (figures.includes(column) ? '---:' : '---'));
  return [heads, rule, ...rows.map((row) => row.map(markdown))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Text of others as plain text: nothing in it is markup (CommonMark 0.31, section 2.4), and it stays in its cell. */
function markdown(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|#~&]/g, String.raw`\$&`);
}

function sentenceOf(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
