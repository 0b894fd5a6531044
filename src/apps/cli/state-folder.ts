import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { CliError } from './cli-error.ts';

const serverFileSchema = z.object({
  url: z.url(),
  gatewayUrl: z.url(),
  /** Of the gateway, for Prometheus; null: it serves none. */
  metricsUrl: z.url().nullable().default(null),
  pid: z.number().int().positive(),
  /** Field 22 of /proc/PID/stat; tells a reused pid from the server we mean. */
  startTicks: z.number().nullable(),
  version: z.string(),
  /** Which limits of instances the kernel can't be given, and why; null: it can be given all. */
  limitTrouble: z.string().nullable().default(null),
});

export type ServerFile = z.infer<typeof serverFileSchema>;

/** Null: no server was ever started there, or it went away in order. */
export async function readServerFile(stateFolder: string): Promise<ServerFile | null> {
  const path = join(stateFolder, 'server.json');
  const text = await readIfThere(path);
  if (text === null) return null;
  try {
    return serverFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError(`cannot read ${path}: it is not what a server of this version writes`, {
      code: 'unreadable',
      remedy: 'end the server that uses this folder and run: tidegate up',
      cause,
    });
  }
}

export async function readToken(stateFolder: string): Promise<string> {
  const token = await readIfThere(join(stateFolder, 'token'));
  return token === null ? '' : token.trim();
}

/** Whether the very process that wrote the file still runs. */
export async function isRunning(server: ServerFile): Promise<boolean> {
  try {
    process.kill(server.pid, 0);
  } catch (error) {
    // EPERM: the process is there but belongs to someone else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  const stat = await processStat(server.pid);
  if (stat === null) return process.platform !== 'linux';
  if (stat.isZombie) return false;
  return server.startTicks === null || stat.startTicks === server.startTicks;
}

/** proc(5), /proc/pid/stat: the name in field 2 may hold spaces and brackets, so fields are counted after the last one. */
async function processStat(pid: number): Promise<{ startTicks: number; isZombie: boolean } | null> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { startTicks: Number(fields[19]), isZombie: fields[0] === 'Z' };
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    // ESRCH is what reading /proc/PID says when the process ends meanwhile.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return null;
    throw new CliError(`cannot read ${path}: ${String(code ?? cause)}`, {
      code: 'unreadable',
      remedy: 'the state folder belongs to the user who started the server; check --state',
      cause,
    });
  }
}
