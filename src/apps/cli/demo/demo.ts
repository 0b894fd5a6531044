/**
 * `tidegate demo`: a server of its own with the shop, load through the gateway, three releases, a server killed on the way,
 * and at the end a report, a verified ledger and nothing left running.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { LoadError } from '../../../adapters/load/load-options.ts';
import { type LoadProcess, startLoadProcess } from '../../../adapters/load/load-process.ts';
import type { LoadInterval, LoadResult } from '../../../domain/load/load-result.ts';
import { CliError } from '../cli-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { commitOfRoot } from '../report/git-commit.ts';
import { readLedger, saveExport } from '../report/read-ledger.ts';
import { reportText, versionsOf } from '../report/report.ts';
import type { Report } from '../report/report-model.ts';
import { rolloutReports, type Versions } from '../report/rollout-reports.ts';
import { print, say, type Session } from '../session.ts';
import { acts } from './acts.ts';
import { demoConnections, type DemoFacts, demoReport, demoResult } from './demo-result.ts';
import { DemoStage } from './demo-stage.ts';
import { DemoVoice } from './demo-voice.ts';
import { noteInstances, playAct, type Played } from './play-act.ts';
import { summaryLines } from './summary-lines.ts';

const packageFolder = fileURLToPath(new URL('../../../../', import.meta.url));
const readyMsMax = 60_000;
const warmUpMs = 2500;
const warmP95MsMax = 200;
/** Rounds of warming up at one rate, and how many rates are tried: all of it, half, a quarter. */
const warmUpRounds = 3;
const paces = 3;

export interface DemoOptions {
  readonly rps: number;
  readonly version: string;
}

export async function demo(session: Session, options: DemoOptions): Promise<ExitCode> {
  const folder = join(session.workingFolder, 'out', 'demo');
  await mkdir(folder, { recursive: true });
  try {
    const facts = await play(session, folder, options);
    const report = demoReport(facts);
    await writeReports(folder, report);
    print(session, ['', ...summaryLines(report, session.look), '']);
    const shown = relative(session.workingFolder, folder);
    print(session, [
      `Report  ${join(shown, 'report.html')}, ${join(shown, 'report.md')}, ${join(shown, 'result.json')}`,
    ]);
    return ending(session, report);
  } catch (cause) {
    if (!(cause instanceof LoadError) || session.signal.aborted) throw cause;
    throw new CliError(cause.message, { code: 'start-failed', cause });
  }
}

/** Plays everything and stops it again, whatever happens in between. */
async function play(session: Session, folder: string, options: DemoOptions): Promise<DemoFacts> {
  await using stage = await DemoStage.open(session, join(folder, 'state'));
  session.signal.addEventListener('abort', () => say(session, 'Stopping everything ...'), {
    once: true,
  });
  using voice = new DemoVoice(session, options.rps);
  const gatewayUrl = await openShop(stage, voice, session.signal);
  const rps = await findPace(gatewayUrl, { rps: options.rps, voice }, session.signal);
  voice.targetRps = rps;
  voice.hears(`load: ${rps} requests/s to web through the gateway, until the end`);
  await using load = startLoad(gatewayUrl, { rps, durationMs: null }, voice.measures);
  const played = await playAll(stage, voice, load, session.signal);
  const result = await load.stop();
  voice.hears('load stopped; verifying the ledger and stopping everything');
  const exported = join(folder, 'ledger.jsonl');
  const { versions, keyId } = await takeLeave(stage, exported, session.signal);
  await stage.stop();
  const { records, ledger } = await readLedger(exported, {
    trustedKeyId: keyId,
    signal: session.signal,
  });
  return {
    played,
    recorded: rolloutReports(records, versions),
    load: result,
    ledger,
    survivors: stage.survivors(),
    commit: await commitOfRoot(packageFolder),
    version: options.version,
    generatedAt: new Date().toISOString(),
  };
}

/** Server, gateway and the shop's three services, all ready. */
async function openShop(stage: DemoStage, voice: DemoVoice, signal: AbortSignal): Promise<string> {
  voice.hears('starting server and gateway: tidegate up');
  const gatewayUrl = await stage.up();
  voice.gatewayUrl = gatewayUrl;
  voice.hears(`starting the shop behind ${gatewayUrl}: tidegate apply -f examples/shop/shop.yaml`);
  await stage.apply('shop.yaml');
  using client = await stage.connect();
  const { gateway } = await client.get('/v1/status', { signal });
  if (gateway.pid !== null) stage.noteProcess(gateway.pid);
  const endMs = performance.now() + readyMsMax;
  for (;;) {
    const { items } = await client.get('/v1/services', { signal });
    for (const service of items) noteInstances(stage, service);
    const unready = items.filter(({ status }) => status.phase !== 'Stable');
    if (items.length > 0 && unready.length === 0) return gatewayUrl;
    if (performance.now() > endMs) {
      throw new CliError(`the shop was not ready after ${readyMsMax / 1000} s`, {
        code: 'start-failed',
        lines: unready.map(({ metadata, status }) => `  ${metadata.name}: ${status.sentence}`),
        remedy: `look at ${stage.stateFolder}/server.log`,
      });
    }
    await sleep(100, undefined, { signal });
  }
}

/**
 * Fresh processes are slow at first, which says nothing about a release; so the shop is warmed up until it keeps pace.
 * A machine that doesn't is given half the rate, and once more half: a demo that drowns its services shows nothing.
 */
async function findPace(
  gatewayUrl: string,
  { rps, voice }: { readonly rps: number; readonly voice: DemoVoice },
  signal: AbortSignal,
): Promise<number> {
  let pace = rps;
  for (let round = 1; ; round += 1) {
    voice.hears(`warming up at ${pace} requests/s${round === 1 ? '' : ', once more'}`);
    const { valid, errors, p95Ms, achievedRps } = await warmUp(gatewayUrl, pace, signal);
    if (valid && errors === 0 && p95Ms <= warmP95MsMax) return pace;
    if (round % warmUpRounds !== 0) continue;
    if (round === warmUpRounds * paces) return pace;
    voice.hears(
      `this machine is too busy for ${pace} requests/s: ${Math.round(achievedRps)} went out in time, p95 ${Math.round(p95Ms)} ms, ${errors} failed; going on with half of it`,
    );
    pace = Math.max(1, Math.round(pace / 2));
  }
}

async function warmUp(gatewayUrl: string, rps: number, signal: AbortSignal): Promise<LoadResult> {
  await using load = startLoad(gatewayUrl, { rps, durationMs: warmUpMs });
  signal.throwIfAborted();
  const end = (): void => void load.stop();
  signal.addEventListener('abort', end, { once: true });
  const result = await load.finished();
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  return result;
}

function startLoad(
  gatewayUrl: string,
  { rps, durationMs }: { readonly rps: number; readonly durationMs: number | null },
  onInterval?: (interval: LoadInterval) => void,
): LoadProcess {
  const headers = { host: 'web.localhost' };
  const url = new URL('/', gatewayUrl).href;
  const connections = demoConnections;
  return startLoadProcess({ url, headers, targetRps: rps, durationMs, connections }, onInterval);
}

/** A load that ends before the acts do ends the demo: without requests there is nothing to judge. */
async function playAll(
  stage: DemoStage,
  voice: DemoVoice,
  load: LoadProcess,
  signal: AbortSignal,
): Promise<Played[]> {
  const loadEnd = new AbortController();
  const isOver = (error: unknown): void => loadEnd.abort(error);
  load.finished().catch(isOver);
  const both = AbortSignal.any([signal, loadEnd.signal]);
  const played: Played[] = [];
  try {
    for (const act of acts) played.push(await playAct(act, stage, voice, both));
    return played;
  } catch (error) {
    if (loadEnd.signal.aborted && !signal.aborted) throw loadEnd.signal.reason;
    throw error;
  }
}

/** The last things only a running server can tell. */
async function takeLeave(
  stage: DemoStage,
  exported: string,
  signal: AbortSignal,
): Promise<{ readonly versions: Versions; readonly keyId: string }> {
  using client = await stage.connect();
  const { ledger } = await client.get('/v1/status', { signal });
  await saveExport(client, exported, signal);
  return { versions: await versionsOf(client, signal), keyId: ledger.keyId };
}

async function writeReports(folder: string, report: Report): Promise<void> {
  const result = `${JSON.stringify(demoResult(report), null, 2)}\n`;
  await writeFile(join(folder, 'result.json'), result);
  await writeFile(join(folder, 'report.md'), reportText(report, 'markdown'));
  await writeFile(join(folder, 'report.html'), reportText(report, 'html'));
}

function ending(session: Session, { criteria, load }: Report): ExitCode {
  const missed = criteria.filter((each) => !each.isMet);
  for (const { name, wanted, measured } of missed) {
    say(session, `not as expected: ${name}: wanted ${wanted}, measured ${measured}`);
  }
  if (load?.valid === false) {
    say(
      session,
      `The load was not valid: ${Math.round(load.achievedRps)} of ${load.targetRps} requests/s went out in time. What failed because of that no release is to blame for.`,
    );
  }
  return missed.length === 0 ? exitCodes.ok : exitCodes.error;
}
