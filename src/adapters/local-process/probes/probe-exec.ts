import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { ProbeResult } from '../../../domain/health/probe.ts';
import type { Clock } from '../../../ports/clock.ts';
import { isWantHere } from '../want-here.ts';
import { LAUNCH_VARIABLE } from '../process-group.ts';
import { readBootId, readProcess } from '../process-table.ts';
import type { LocalProcessSettings } from '../settings.ts';
import { killGroup } from '../stop-group.ts';

export interface ExecProbe {
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** The instance's own. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly settings: LocalProcessSettings;
}

/** Of both outputs together; the rest is read and dropped, so that who says much is neither blocked nor killed for it. */
const keptBytesMax = 4_096;
const saidLengthMax = 200;
const heldPipeMs = 500;

/**
 * Runs the program once: exit code 0 is success. It leads a process group of its own, and when it has ended, or its time
 * has, or the signal is aborted, the whole group is killed before this resolves: no probe leaves anything running.
 */
export async function probeExec(probe: ExecProbe, signal: AbortSignal): Promise<ProbeResult> {
  const launchId = randomUUID();
  const what = quoted(probe.command);
  let child: ChildProcess;
  try {
    child = start(probe, launchId);
  } catch (cause) {
    return notStarted(what, cause);
  }
  if (child.pid === undefined) return notStarted(what, await errorOf(child));
  const { pid } = child;
  // Read in the turn of the start: until Node has waited for the child, its entry in /proc stays.
  let startTicks: number;
  try {
    startTicks = readProcess(pid)?.startTicks ?? -1;
  } catch (cause) {
    child.kill('SIGKILL');
    return notStarted(what, cause);
  }
  const said = keepOutput(child);
  const end = await endOf(child, probe.timeoutMs, signal);
  const identity = { pid, startTicks, bootId: readBootId(), launchId };
  const { clock, settings } = probe;
  await killGroup({ identity, graceMs: 0, clock, settings }, new AbortController().signal);
  const words = await said.end();
  switch (end.kind) {
    case 'given-up':
      return { kind: 'unknown', text: `${what} was given up` };
    case 'late':
      return { kind: 'failed', text: `${what} did not end within ${probe.timeoutMs / 1_000} s` };
    case 'exit':
      if (end.code === 0) return { kind: 'ok' };
      return { kind: 'failed', text: `${what} ${exitText(end)}${words}` };
  }
}

/** A launch id of its own, so that nobody takes it for the instance, whose variables it has. */
function start(probe: ExecProbe, launchId: string): ChildProcess {
  const [program = '', ...programArguments] = probe.command;
  return spawn(program, programArguments, {
    cwd: probe.workingDirectory,
    env: { ...probe.environment, [LAUNCH_VARIABLE]: launchId },
    detached: true,
    shell: false,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Node reports a failed exec by an event in the next turn. */
function errorOf(child: ChildProcess): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', resolve);
  });
}

function notStarted(what: string, cause: unknown): ProbeResult {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = cause instanceof Error ? cause.message : String(cause);
  const text = `${what} could not be started: ${message}`;
  return { kind: isWantHere(code) ? 'unknown' : 'failed', text };
}

type End =
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: string | null }
  | { readonly kind: 'late' }
  | { readonly kind: 'given-up' };

function endOf(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<End> {
  return new Promise((resolve) => {
    const settle = (end: End): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', giveUp);
      resolve(end);
    };
    const giveUp = (): void => settle({ kind: 'given-up' });
    const deadline = setTimeout(() => settle({ kind: 'late' }), timeoutMs);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    child.once('exit', (code, killedBy) => settle({ kind: 'exit', code, signal: killedBy }));
  });
}

function exitText({ code, signal }: Extract<End, { kind: 'exit' }>): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}

/** `end` gives the last words once both pipes are empty. One that left the group may hold them open: not for long. */
function keepOutput(child: ChildProcess): { readonly end: () => Promise<string> } {
  let text = '';
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('latin1').on('data', (part: string) => {
      text = (text + part).slice(-keptBytesMax);
    });
    // A pipe that breaks says nothing that the exit code does not.
    stream?.on('error', () => undefined);
  }
  const end = async (): Promise<string> => {
    const heldOpen = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, heldPipeMs);
    await closed;
    clearTimeout(heldOpen);
    return wordsOf(text);
  };
  return { end };
}

/** The last line, bounded and printable. */
function wordsOf(text: string): string {
  const line = text.trimEnd().split('\n').at(-1)?.trim() ?? '';
  const printable = line.replaceAll(/[^ -~]/g, '?').slice(0, saidLengthMax);
  return printable === '' ? '' : `: ${printable}`;
}

function quoted(command: readonly string[]): string {
  const text = command.join(' ');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
