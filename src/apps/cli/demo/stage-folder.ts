import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { isRunning, readProcess } from '../../../adapters/local-process/process-table.ts';
import { CliError } from '../cli-error.ts';
import { runTidegate } from './tidegate-command.ts';

/** Says that a state folder is the demo's own, and which demo's. */
const markerName = 'demo.json';

const markerSchema = z.object({
  pid: z.number().int().positive(),
  startTicks: z.number().nullable(),
  isStopped: z.boolean(),
});

/** An empty state folder of our own. One that an earlier demo left is stopped and removed; anything else is left alone. */
export async function takeStageFolder(stateFolder: string): Promise<void> {
  await removeStale(stateFolder);
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await mark(stateFolder, false);
}

/** Nothing runs there any more, so the next demo need not look. */
export async function markStopped(stateFolder: string): Promise<void> {
  await mark(stateFolder, true);
}

async function removeStale(stateFolder: string): Promise<void> {
  if ((await stat(stateFolder).catch(() => null)) === null) return;
  const marker = await readMarker(stateFolder);
  if (marker === null) {
    throw new CliError(`cannot use ${stateFolder}: it is not a folder that the demo made`, {
      code: 'unreadable',
      remedy: 'move it away, or run the demo in another folder',
    });
  }
  if (isAlive(marker)) {
    throw new CliError(`another demo runs in ${stateFolder} (pid ${marker.pid})`, {
      code: 'unreadable',
      remedy: 'wait for its end, or run this one in another folder',
    });
  }
  if (!marker.isStopped) await stopLeftovers(stateFolder);
  await rm(stateFolder, { recursive: true, force: true });
}

/** A server finds instances and gateway of its folder again, and only those, and stops them. */
async function stopLeftovers(stateFolder: string): Promise<void> {
  const hasBegun = await stat(join(stateFolder, 'gateway.json')).catch(() => null);
  if (hasBegun === null) return;
  await runTidegate(stateFolder, upArguments);
  await runTidegate(stateFolder, ['down']);
}

/** Port 0: any free one. */
export const upArguments = ['up', '--listen', '127.0.0.1:0', '--gateway-listen', '127.0.0.1:0'];

async function readMarker(stateFolder: string): Promise<z.infer<typeof markerSchema> | null> {
  try {
    return markerSchema.parse(JSON.parse(await readFile(join(stateFolder, markerName), 'utf8')));
  } catch {
    // No marker, or none of ours: the folder is somebody else's.
    return null;
  }
}

async function mark(stateFolder: string, isStopped: boolean): Promise<void> {
  const startTicks = readProcess(process.pid)?.startTicks ?? null;
  const marker = { pid: process.pid, startTicks, isStopped };
  await writeFile(join(stateFolder, markerName), `${JSON.stringify(marker)}\n`);
}

function isAlive({ pid, startTicks }: z.infer<typeof markerSchema>): boolean {
  const found = readProcess(pid);
  return found !== null && isRunning(found) && found.startTicks === startTicks;
}
