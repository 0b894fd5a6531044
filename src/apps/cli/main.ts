/** The command line as a program. What each command does lies in actions/ and is imported when it runs. */
import { readFileSync } from 'node:fs';
import { type Command, CommanderError } from 'commander';

import { CliError } from './cli-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { lookOf, paint } from './look.ts';
import { buildProgram } from './program.ts';
import { openSession } from './session.ts';

const stop = new AbortController();
let stopCode: ExitCode | null = null;

function main(argv: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program: Command = buildProgram({
    version: packageVersion(),
    perform: async (task) => {
      exitCode = await task(openSession(program.opts(), stop.signal));
    },
  });
  if (argv.length === 0) {
    program.outputHelp();
    return Promise.resolve(exitCodes.ok);
  }
  return program.parseAsync(argv, { from: 'user' }).then(
    () => exitCode,
    (error: unknown) => report(error),
  );
}

/** Says what went wrong, unless it was said or was asked for. */
function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has printed it. Asked-for help and versions come as errors with code 0.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (stop.signal.aborted) return stopCode ?? exitCodes.error;
  const look = lookOf(process.stderr, process.env, process.argv.includes('--no-color'));
  const label = paint(look, 'red', 'error');
  if (!(error instanceof CliError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${label}: tidegate itself failed, which is a bug: ${text}\n`);
    return exitCodes.error;
  }
  const lines = [`${label}: ${error.message}`, ...error.lines];
  if (error.remedy !== null) lines.push(`  ${paint(look, 'blue', 'help')}: ${error.remedy}`);
  process.stderr.write(`${lines.join('\n')}\n`);
  return error.exitCode;
}

/** The first signal ends the work in order, the second at once. */
function onSignal(code: ExitCode): void {
  if (stop.signal.aborted) process.exit(code);
  stopCode = code;
  stop.abort();
}

/** Whoever read us has enough (`tidegate logs x | head`): that is no failure. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') process.stderr.write(`error: cannot write: ${error.message}\n`);
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.error);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}

process.on('SIGINT', () => onSignal(exitCodes.interrupted));
process.on('SIGTERM', () => onSignal(exitCodes.terminated));
process.stdout.on('error', onOutputError);
// Talk that nobody can hear ends nothing.
process.stderr.on('error', () => {});

const exitCode = await main(process.argv.slice(2));
// Connections that are kept alive would hold the process; what was written goes out first.
process.stdout.write('', () => process.exit(stopCode ?? exitCode));
