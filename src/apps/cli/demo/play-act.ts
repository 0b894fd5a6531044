import { setTimeout as sleep } from 'node:timers/promises';

import type { Rollout, Service } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import type { SeriesMark } from '../report/report-model.ts';
import { type Act, actService } from './acts.ts';
import type { DemoStage } from './demo-stage.ts';
import { ShareSeries } from './share-series.ts';

const lookMs = 100;
/** Into the second step, so that there are weights to keep and evidence to find again. */
const killAfterMs = 1000;
/** Long enough for anyone to see that traffic flows without a server. */
const downMs = 400;
/** After the end: that the traffic is back is part of the picture. */
const afterwardsMs = 2000;
/** A rollout that has no end by then will have none. */
const actMsMax = 150_000;

export interface Played {
  readonly act: Act;
  readonly rolloutId: string;
  readonly view: Rollout;
  readonly series: ShareSeries;
  readonly marks: readonly SeriesMark[];
}

/** What is told while an act plays. */
export interface Watcher {
  sees(act: Act, rollout: Rollout): void;
  hears(sentence: string): void;
}

/** Applies one release and looks at it until some time after its end. */
export async function playAct(
  act: Act,
  stage: DemoStage,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<Played> {
  const rolloutId = await stage.apply(act.file, ['--reason', `demo: ${act.about}`]);
  if (rolloutId === null) {
    throw new CliError(`${act.file} began no rollout of ${actService}`, { code: 'refused' });
  }
  const series = new ShareSeries();
  const marks: SeriesMark[] = [];
  let kill: Promise<void> | null = act.killsServer ? null : Promise.resolve();
  let killAtMs = Infinity;
  let view: Rollout | null = null;
  let endMs = Date.now() + actMsMax;
  for await (const { atMs, rollout } of looks(stage, { rolloutId, until: () => endMs }, signal)) {
    if ((view === null || view.endedAt === null) && rollout.endedAt !== null)
      endMs = atMs + afterwardsMs;
    view = rollout;
    series.add(atMs, rollout);
    watcher.sees(act, rollout);
    if (killAtMs === Infinity && rollout.stepNumber === 2 && rollout.phase === 'judging') {
      killAtMs = atMs + killAfterMs;
    }
    if (kill === null && atMs >= killAtMs) {
      kill = killAndRestart(stage, watcher, signal).then((mark) => void marks.push(mark));
      // It is awaited after the loop; a failure meanwhile must not end the process.
      kill.catch(() => {});
    }
  }
  await kill;
  if (view === null || view.endedAt === null) {
    throw new CliError(`${rolloutId} had no end after ${actMsMax / 1000} s`, { code: 'timeout' });
  }
  return { act, rolloutId, view, series, marks };
}

interface Look {
  readonly atMs: number;
  readonly rollout: Rollout;
}

/** The rollout again and again. While no server answers there is nothing to see, and it goes on all the same. */
async function* looks(
  stage: DemoStage,
  wanted: { readonly rolloutId: string; readonly until: () => number },
  signal: AbortSignal,
): AsyncGenerator<Look> {
  let client: Client | null = null;
  try {
    while (Date.now() < wanted.until()) {
      try {
        client ??= await stage.connect();
        const service = await client.get('/v1/services/{name}', {
          path: { name: actService },
          signal,
        });
        noteInstances(stage, service);
        const { rollout } = service.status;
        if (rollout?.id === wanted.rolloutId) yield { atMs: Date.now(), rollout };
      } catch (error) {
        if (!(error instanceof CliError && error.retryable)) throw error;
        client?.[Symbol.dispose]();
        client = null;
      }
      await sleep(lookMs, undefined, { signal });
    }
  } finally {
    client?.[Symbol.dispose]();
  }
}

export function noteInstances(stage: DemoStage, { status }: Service): void {
  for (const { pid } of status.instances) if (pid !== null) stage.noteProcess(pid);
}

async function killAndRestart(
  stage: DemoStage,
  watcher: Watcher,
  signal: AbortSignal,
): Promise<SeriesMark> {
  const pid = await stage.killServer();
  const fromMs = Date.now();
  watcher.hears(`server killed (SIGKILL, pid ${pid}); the gateway keeps the traffic as it is`);
  await sleep(downMs, undefined, { signal });
  await stage.up();
  const toMs = Date.now();
  watcher.hears(
    `server started again after ${((toMs - fromMs) / 1000).toFixed(1)} s; the rollout goes on`,
  );
  return { fromMs, toMs, label: 'no server' };
}
