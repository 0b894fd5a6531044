import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Session } from '../session.ts';

export interface WitnessOptions {
  readonly log?: readonly string[];
  readonly name?: string;
  readonly listen?: string;
  readonly witnessState?: string;
}

/** Runs a witness in the foreground until it is stopped. */
export async function witness(session: Session, options: WitnessOptions): Promise<ExitCode> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = fileURLToPath(new URL(`../../witness/main.${ending}`, import.meta.url));
  const flags = [
    ...(options.log ?? []).flatMap((vkey) => ['--log', vkey]),
    ...(options.name === undefined ? [] : ['--name', options.name]),
    ...(options.listen === undefined ? [] : ['--listen', options.listen]),
    ...(options.witnessState === undefined ? [] : ['--state', options.witnessState]),
  ];
  const child = spawn(process.execPath, [entry, ...flags], { stdio: 'inherit' });
  session.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return exitCodes.ok;
  return code === 2 ? exitCodes.usage : exitCodes.error;
}
