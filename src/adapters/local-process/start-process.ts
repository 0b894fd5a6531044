import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PlatformError } from '../../ports/platform.ts';
import type { LogFile } from './logs/log-files.ts';
import { readProcess } from './process-table.ts';

export interface ProcessPlan {
  readonly instanceId: string;
  readonly command: readonly string[];
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Standard output and standard error. */
  readonly logs: readonly LogFile[];
}

export interface StartedProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** Aborted when the process has ended, with an `ExitReason`. */
  readonly ended: AbortSignal;
}

/** The reason of `StartedProcess.ended`: "exited with code 3", "killed by SIGSEGV". */
export class ExitReason extends Error {
  override readonly name = 'ExitReason';
}

/**
 * Starts a program without a shell, leading a session and process group of its own (setsid(2)), with nothing of this
 * process but the log files: it neither gets our terminal's signals nor notices our end.
 */
export async function startProcess(plan: ProcessPlan): Promise<StartedProcess> {
  await checkFolder(plan);
  const child = spawnDetached(plan);
  // Read before anything else can run: until Node has waited for the child, its entry in /proc stays.
  const startTicks = child.pid === undefined ? null : ticksOf(plan, child);
  const ended = new AbortController();
  child.once('exit', (code, signal) => {
    const text = signal === null ? `exited with code ${code}` : `killed by ${signal}`;
    ended.abort(new ExitReason(text));
  });
  if (child.pid === undefined) throw await startError(plan, child);
  child.unref();
  return { pid: child.pid, startTicks: startTicks ?? -1, ended: ended.signal };
}

/** One that can't be known again must not run: nobody would end it. */
function ticksOf(plan: ProcessPlan, child: ChildProcess): number | null {
  try {
    return readProcess(child.pid ?? 0)?.startTicks ?? null;
  } catch (cause) {
    child.kill('SIGKILL');
    throw new PlatformError(
      'start-failed',
      `cannot start ${plan.instanceId}: it can't be looked at: ${String(cause)}`,
      { retryable: true, cause },
    );
  }
}

function spawnDetached(plan: ProcessPlan): ChildProcess {
  const [program = '', ...programArguments] = plan.command;
  const files: number[] = [];
  try {
    for (const log of plan.logs) files.push(openSync(log.path, 'a', 0o600));
    return spawn(program, programArguments, {
      cwd: plan.workingDirectory,
      env: { ...plan.environment },
      detached: true,
      shell: false,
      stdio: ['ignore', ...files],
    });
  } catch (cause) {
    throw new PlatformError(
      'start-failed',
      `cannot start ${plan.instanceId}: ${String(cause)}`,
      // Running out of descriptors or disk passes; an argument with a zero byte does not.
      { retryable: !(cause instanceof TypeError), cause },
    );
  } finally {
    for (const file of files) closeSync(file);
  }
}

async function checkFolder(plan: ProcessPlan): Promise<void> {
  const found = await stat(plan.workingDirectory).catch(() => null);
  if (found?.isDirectory() === true) return;
  const what = found === null ? 'does not exist' : 'is not a folder';
  throw new PlatformError(
    'start-failed',
    `cannot start ${plan.instanceId}: its working directory ${plan.workingDirectory} ${what}; ` +
      'make it, or correct workingDirectory',
    { retryable: false },
  );
}

/** Node reports a failed exec by an event in the next turn. */
function startError(plan: ProcessPlan, child: ChildProcess): Promise<PlatformError> {
  return new Promise((resolve) => {
    child.once('error', (cause: NodeJS.ErrnoException) => resolve(explain(plan, cause)));
  });
}

function explain(plan: ProcessPlan, cause: NodeJS.ErrnoException): PlatformError {
  const program = plan.command[0] ?? '';
  const fail = (text: string, retryable: boolean): PlatformError =>
    new PlatformError('start-failed', `cannot start ${plan.instanceId}: ${text}`, {
      retryable,
      cause,
    });
  if (cause.code === 'ENOENT' && program.includes('/')) {
    return fail(
      `the command "${program}" does not exist, or its interpreter does not; correct command`,
      false,
    );
  }
  if (cause.code === 'ENOENT') {
    const path = plan.environment['PATH'] ?? '(not set)';
    return fail(
      `the command "${program}" is not found in PATH ${path}; install it, add its folder to PATH, or give its full path`,
      false,
    );
  }
  if (cause.code === 'EACCES') {
    return fail(`the command "${program}" may not be executed; run chmod +x on it`, false);
  }
  const passing = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY'].includes(cause.code ?? '');
  return fail(cause.message, passing);
}
