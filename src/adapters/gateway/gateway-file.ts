import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { integer, MalformedError, record, text } from './shape.ts';

/** How a running gateway is found again: written by it when it listens, read by whoever looks for it. */
export interface GatewayFile {
  readonly pid: number;
  /** Start of the process in clock ticks since boot, as text; '' where /proc is not there. Guards against a reused pid. */
  readonly startTicks: string;
  readonly host: string;
  readonly port: number;
  readonly controlSocket: string;
  /** Where /metrics, /livez and /readyz are served; null: nowhere. */
  readonly admin: { readonly host: string; readonly port: number } | null;
  /** Where instances ask for flags; null: nowhere. */
  readonly flags: { readonly host: string; readonly port: number } | null;
  /** Processes that serve; absent: the gateway itself, alone. */
  readonly workers?: number;
}

/** Names in a gateway's state folder. */
export const gatewayFileName = 'gateway.json';
export const routesFileName = 'gateway-routes.json';
export const controlSocketName = 'gateway.sock';
export const logFileName = 'gateway.log';

/** The gateway of a state folder if its process is alive, else null. */
export async function findGateway(stateFolder: string): Promise<GatewayFile | null> {
  const found = await readGatewayFile(stateFolder);
  return found !== null && (await isAlive(found)) ? found : null;
}

export async function writeGatewayFile(stateFolder: string, file: GatewayFile): Promise<void> {
  await replaceFile(join(stateFolder, gatewayFileName), `${JSON.stringify(file)}\n`);
}

export async function isAlive(file: GatewayFile): Promise<boolean> {
  try {
    process.kill(file.pid, 0);
  } catch (error) {
    // EPERM: there is such a process, of somebody else; its start tells whether it is ours.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    const ticks = await startTicks(file.pid);
    return ticks !== null && ticks === file.startTicks;
  } catch {
    // It can't be looked at, and something has its pid: whoever takes it for dead would start another beside it.
    return true;
  }
}

/**
 * Field 22 of /proc/PID/stat, proc(5): start time in ticks since boot. Null: no such process, or a zombie, which is
 * dead for us. Systems without /proc give '' for every process. Throws when this process has nothing left to look with.
 */
export async function startTicks(pid: number): Promise<string | null> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // Want of descriptors or memory here says nothing of the process.
    if (['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'].includes(code)) throw error;
    return process.platform === 'linux' ? null : '';
  }
  // The command name in parentheses may hold anything, so fields are counted from its end; the state is field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

/**
 * Writes beside and renames, so that readers see the old or the new content, and a crash leaves one of both. One
 * writer at a time.
 */
export async function replaceFile(path: string, content: string): Promise<void> {
  const beside = `${path}.new`;
  await writeFile(beside, content, { mode: 0o600 });
  await rename(beside, path);
}

/** Makes the folder for its owner only, if it is not there. */
export async function makeStateFolder(stateFolder: string): Promise<void> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
}

/** As the last gateway wrote it, whether it lives or not; null: there is none of use. */
export async function readGatewayFile(stateFolder: string): Promise<GatewayFile | null> {
  try {
    const json: unknown = JSON.parse(await readFile(join(stateFolder, gatewayFileName), 'utf8'));
    const value = record(json, gatewayFileName);
    // An earlier gateway, which may still run, has none.
    const admin = value['admin'] ?? null;
    const flags = value['flags'] ?? null;
    return {
      pid: integer(value, 'pid'),
      startTicks: text(value, 'startTicks'),
      host: text(value, 'host'),
      port: integer(value, 'port'),
      controlSocket: text(value, 'controlSocket'),
      ...(value['workers'] === undefined ? {} : { workers: integer(value, 'workers') }),
      admin: admin === null ? null : addressOf(record(admin, 'admin')),
      flags: flags === null ? null : addressOf(record(flags, 'flags')),
    };
  } catch (error) {
    // A file of no use says as much as none: no gateway is known. The next one writes its own.
    if (error instanceof SyntaxError || error instanceof MalformedError) return null;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function addressOf(value: Record<string, unknown>): NonNullable<GatewayFile['admin']> {
  return { host: text(value, 'host'), port: integer(value, 'port') };
}
