import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { CliError } from '../cli-error.ts';

const program = fileURLToPath(new URL('../../../../bin/tidegate.js', import.meta.url));

/**
 * Runs `tidegate` as a user would, and gives what it printed. The demo shows nothing that cannot be typed. The process is
 * of its own group: Ctrl-C in the terminal does not reach it, so that a start or a stop is never left half done.
 */
export async function runTidegate(stateFolder: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, '--state', stateFolder, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const [code, signal] = await once(child, 'close');
  if (code === 0) return texts.stdout;
  throw new CliError(`"tidegate ${args.join(' ')}" ended with ${code ?? signal}`, {
    code: 'start-failed',
    lines: `${texts.stdout}${texts.stderr}`.trimEnd().split('\n'),
  });
}
