import { durationText } from '../views/words.ts';
import { html } from './html-text.ts';
import { pageStyle } from './page-style.ts';
import type { Criterion, Report, RolloutReport } from './report-model.ts';
import {
  countedText,
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
import { drawingText, rolloutDrawing } from './rollout-drawing.ts';
import { ruleCostsLabel } from './rule-costs.ts';

/** The report as one page that needs nothing else: no script, no font, no picture from elsewhere. */
export function htmlReport(report: Report): string {
  const isMet = report.criteria.every((each) => each.isMet);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${html(report.title)}</title>
<style>
${pageStyle}
</style>
</head>
<body>
<main>
<header>
<p class="kicker">Tidegate report</p>
<h1>${html(report.title)}</h1>
<p class="lead ${isMet ? 'good' : 'bad'}">${html(headline(report))}</p>
<dl class="facts">
${fact('Commit', report.commit === null ? 'not known' : `<code>${html(report.commit)}</code>`)}
${fact('Tidegate', html(report.version))}
${fact('Written', html(report.generatedAt))}
</dl>
</header>
<section>
<h2>Exit criteria</h2>
<ul class="criteria">
${report.criteria.map(criterion).join('\n')}
</ul>
</section>
<section>
<h2>Rollouts</h2>
${table(rolloutsTable(report))}
</section>
${report.rollouts.map(rolloutSection).join('\n')}
${loadSection(report)}
${ledgerSection(report)}
</main>
</body>
</html>
`;
}

function criterion({ name, wanted, measured, isMet }: Criterion): string {
  return `<li class="${isMet ? 'good' : 'bad'}"><span class="badge">${isMet ? '✓ pass' : '✗ fail'}</span><span><strong>${html(name)}</strong><br><span class="measured-value">${html(measured)}</span> <span class="muted">wanted: ${html(wanted)}</span></span></li>`;
}

function rolloutSection(rollout: RolloutReport): string {
  const drawing = rolloutDrawing(rollout);
  const decided =
    rollout.decidedInMs === null
      ? ''
      : ` <span class="muted">in ${html(durationText(rollout.decidedInMs))}</span>`;
  const tone = { promoted: 'good', 'rolled-back': 'back', 'under-way': 'muted' }[rollout.outcome];
  return `<section class="rollout">
<h2>${html(titleOf(rollout))} <span class="badge ${tone}">${html(outcomeText(rollout))}</span>${decided}</h2>
<p>${html(rollout.reason)}. <span class="muted">${html(countedText(rollout))}</span></p>
${drawing === '' ? '' : `<figure>\n${drawing}\n<figcaption>${html(drawingText(rollout))}</figcaption>\n</figure>`}
${rollout.steps.length === 0 ? '' : table(stepsTable(rollout))}
${rollout.ruleCosts.length === 0 ? '' : `<h3>What fixed thresholds would have cost</h3>\n<p class="muted">${html(ruleCostsLabel)}</p>\n${table(ruleCostsTable(rollout))}`}
<details><summary>${rollout.entries.length} ledger entries</summary>
${table(entriesTable(rollout))}
</details>
</section>`;
}

function loadSection({ load }: Report): string {
  if (load === null) return '';
  const invalid = load.invalidBecause.map((why) => `<p class="bad">Not valid: ${html(why)}.</p>`);
  return `<section>\n<h2>Load</h2>\n${table(loadTable(load))}\n${invalid.join('\n')}\n</section>`;
}

function ledgerSection({ ledger }: Report): string {
  const keys = ledger.keyIds.map((keyId) => fact('Key', `<code>${html(keyId)}</code>`));
  return `<section>
<h2>Ledger</h2>
<p><span class="badge ${ledger.verified ? 'good' : 'bad'}">${ledger.verified ? '✓ verified' : '✗ not verified'}</span> ${html(ledger.statement)}</p>
<dl class="facts">
${fact('Entries', String(ledger.entries))}
${fact('Head', `<code>${html(ledger.headLeafHash ?? 'none')}</code>`)}
${keys.join('\n')}
</dl>
</section>`;
}

function fact(name: string, value: string): string {
  return `<div><dt>${html(name)}</dt><dd>${value}</dd></div>`;
}

/** A wide table scrolls in its own box, so that the page never does. */
function table({ heads, figures, rows }: ReportTable): string {
  const kind = (column: number): string => (figures.includes(column) ? ' class="figure"' : '');
  const head = heads.map((text, column) => `<th scope="col"${kind(column)}>${html(text)}</th>`);
  const body = rows.map(
    (row) =>
      `<tr>${row.map((text, column) => `<td${kind(column)}>${html(text)}</td>`).join('')}</tr>`,
  );
  return `<div class="table"><table>\n<thead><tr>${head.join('')}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table></div>`;
}
