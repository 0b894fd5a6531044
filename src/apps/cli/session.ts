import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';

import { lookOf, type Look } from './look.ts';

/** One run of the command line: where it reads and writes, and what stops it. */
export interface Session {
  readonly stateFolder: string;
  /** Paths in arguments are relative to it. */
  readonly workingFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Recorded with each action. */
  readonly who: string;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly look: Look;
  readonly talkLook: Look;
  /** Aborts on Ctrl-C, SIGTERM and a closed pipe. */
  readonly signal: AbortSignal;
}

export interface GlobalOptions {
  readonly state?: string;
  /** False with `--no-color`. */
  readonly color?: boolean;
}

export function openSession(options: GlobalOptions, signal: AbortSignal): Session {
  const { env, stdin, stdout, stderr } = process;
  const isColorRefused = options.color === false;
  return {
    stateFolder: stateFolderOf(options.state, env),
    workingFolder: process.cwd(),
    env,
    who: userName(env),
    stdin,
    stdout,
    stderr,
    look: lookOf(stdout, env, isColorRefused),
    talkLook: lookOf(stderr, env, isColorRefused),
    signal,
  };
}

/** Data: what a program may read. */
export function print(session: Session, lines: readonly string[]): void {
  if (lines.length > 0) session.stdout.write(`${lines.join('\n')}\n`);
}

/** Talk: what only a person reads. */
export function say(session: Session, ...lines: readonly string[]): void {
  if (lines.length > 0) session.stderr.write(`${lines.join('\n')}\n`);
}

function stateFolderOf(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const named = option ?? env['TIDEGATE_STATE'];
  if (named !== undefined && named !== '') return resolve(named);
  const home = env['HOME'] ?? userInfo().homedir;
  return join(env['XDG_STATE_HOME'] || join(home, '.local', 'state'), 'tidegate');
}

function userName(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database, as in many containers: the number says who it was.
    return env['USER'] || `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
