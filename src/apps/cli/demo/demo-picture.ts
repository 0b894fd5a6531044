import type { Rollout } from '../../../api/client/generated/schemas.ts';
import { countText, percentText } from '../views/words.ts';
import { fit, harmless, type Look, padEnd, paint, wrap } from '../look.ts';
import { evidenceText } from '../report/rollout-drawing.ts';
import { type Share, weightBar } from '../views/weight-bar.ts';
import { type Act, actService, acts } from './acts.ts';

/** Everything a picture of the demo shows; nothing else does it depend on. */
export interface DemoPicture {
  readonly elapsedMs: number;
  readonly targetRps: number;
  readonly gatewayUrl: string | null;
  readonly load: LoadGlance | null;
  /** By what the act releases. */
  readonly rollouts: ReadonlyMap<string, Rollout>;
  /** What happened beside the rollouts, newest last. */
  readonly news: readonly string[];
}

export interface LoadGlance {
  readonly requests: number;
  readonly errors: number;
  readonly rps: number;
  readonly p99Ms: number;
}

/** The whole demo so far, always of the same height, so that nothing jumps. */
export function pictureLines(picture: DemoPicture, look: Look): string[] {
  return [
    headLine(picture, look),
    loadLine(picture, look),
    ...acts.flatMap((act) => ['', ...actLines(act, picture.rollouts.get(act.to) ?? null, look)]),
    '',
    paint(look, 'faint', harmless(picture.news.at(-1) ?? '')),
  ];
}

function headLine({ elapsedMs, gatewayUrl }: DemoPicture, look: Look): string {
  const shop = look.isUnicode ? 'web → checkout → payments' : 'web -> checkout -> payments';
  const where = gatewayUrl === null ? 'starting' : `gateway ${gatewayUrl}`;
  return `${paint(look, 'bold', 'Tidegate demo')}  ${shop}  ${where}  ${Math.floor(elapsedMs / 1000)} s`;
}

function loadLine({ load, targetRps }: DemoPicture, look: Look): string {
  if (load === null)
    return paint(look, 'faint', `load     ${countText(targetRps)} requests/s, not yet`);
  const failed = `${countText(load.errors)} failed`;
  return [
    `load     ${countText(load.rps)} of ${countText(targetRps)} requests/s`,
    `${countText(load.requests)} sent`,
    load.errors === 0 ? failed : paint(look, 'yellow', failed),
    `p99 ${Math.round(load.p99Ms)} ms`,
  ].join(', ');
}

/** Five lines an act, also before it begins. */
function actLines(act: Act, rollout: Rollout | null, look: Look): string[] {
  const title = `${sign(rollout, look)} ${paint(look, 'bold', actTitle(act, rollout, look))}  ${paint(look, 'faint', act.about)}`;
  if (rollout === null) return [title, '', '', '', ''];
  const { wantedSharePercent, measuredSharePercent, totals } = rollout;
  const share: Share = isBack(rollout)
    ? { kind: 'whole', wantedPercent: wantedSharePercent }
    : {
        kind: 'split',
        wantedPercent: wantedSharePercent,
        measuredPercent: measuredSharePercent,
      };
  const measured = measuredSharePercent === null ? '-' : percentText(measuredSharePercent);
  const requests = totals.candidate.requests + totals.stable.requests;
  const failed = totals.candidate.failures + totals.stable.failures;
  return [
    title,
    `  ${weightBar(look, share)}  wanted ${percentText(wantedSharePercent).padStart(5)}  ${padEnd(measuredWord(rollout), 8)} ${padEnd(measured, 7)}  ${countText(requests)} requests, ${countText(failed)} failed`,
    `  ${gateText(rollout)}`,
    ...sentenceLines(harmless(rollout.sentence), look),
  ];
}

function isBack({ phase }: Rollout): boolean {
  return phase === 'rolled-back' || phase === 'reverting';
}

/** What was measured before it went back is not what is measured now. */
function measuredWord(rollout: Rollout): string {
  return isBack(rollout) ? 'it had' : 'measured';
}

/** Two lines whatever its length; what does not fit in them is in the report. */
function sentenceLines(sentence: string, look: Look): string[] {
  const [first = '', ...rest] = wrap(look, sentence, 2);
  return [`  ${first}`, fit(look, rest.length === 0 ? '' : `  ${rest.join(' ')}`)];
}

function sign(rollout: Rollout | null, look: Look): string {
  if (rollout === null) return look.isUnicode ? '·' : '.';
  if (rollout.phase === 'promoted') return paint(look, 'green', look.isUnicode ? '✔' : '+');
  if (isBack(rollout)) return paint(look, 'yellow', look.isUnicode ? '↩' : '<');
  if (rollout.phase === 'parked') return paint(look, 'yellow', look.isUnicode ? '◔' : '%');
  return paint(look, 'blue', look.isUnicode ? '▶' : '>');
}

function gateText({ gate }: Rollout): string {
  if (gate === null) return 'evidence: none yet';
  const against = `against ${evidenceText(gate.against)} (back at ${evidenceText(gate.againstLimit)})`;
  const inFavour = `for ${evidenceText(gate.for)} (on at ${evidenceText(gate.forLimit)})`;
  return `evidence ${against}, ${inFavour}`;
}

/** What it really came from, once that is known: a release that went back leaves the one before it in place. */
function actTitle({ from, to }: Act, rollout: Rollout | null, look: Look): string {
  const version = rollout?.from?.version ?? from;
  return `${actService} ${harmless(version)} ${look.isUnicode ? '→' : '->'} ${to}`;
}

/** Changes when something is worth a line, not when only counts grew. */
export function rolloutKey({ phase, stepNumber, gate, wantedSharePercent }: Rollout): string {
  return JSON.stringify([phase, stepNumber, wantedSharePercent, gate?.verdict, gate?.heldBy]);
}

/** One line for places where nothing can be drawn. */
export function rolloutLine(act: Act, rollout: Rollout, look: Look): string {
  const { wantedSharePercent, measuredSharePercent, totals, sentence } = rollout;
  const requests = totals.candidate.requests + totals.stable.requests;
  const failed = totals.candidate.failures + totals.stable.failures;
  const measured =
    measuredSharePercent === null
      ? ''
      : `, ${measuredWord(rollout)} ${percentText(measuredSharePercent)}`;
  return `${actTitle(act, rollout, look)}  ${percentText(wantedSharePercent)}${measured}, ${countText(requests)} requests, ${countText(failed)} failed; ${harmless(sentence)}`;
}

/** `[ 12.3 s]`, so that lines can be laid beside the report. */
export function stamp(elapsedMs: number): string {
  return `[${(elapsedMs / 1000).toFixed(1).padStart(5)} s]`;
}
