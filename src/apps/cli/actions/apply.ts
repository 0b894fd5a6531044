import type { ApplyResult } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless, paint } from '../look.ts';
import { readReleaseFiles } from '../release-files.ts';
import { print, type Session } from '../session.ts';
import { look, waitForRollout } from './wait-for-rollout.ts';

export interface ApplyOptions {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly reason?: string;
  readonly output?: DataFormat;
}

export async function apply(session: Session, options: ApplyOptions): Promise<ExitCode> {
  const isDryRun = options.dryRun === true;
  const results = await send(session, options, isDryRun);
  if (options.output === undefined) print(session, results.flatMap(resultLine(isDryRun)));
  else await printData(session, { results }, options.output);
  if (results.some((result) => result.outcome === 'refused')) return exitCodes.error;
  if (isDryRun || options.wait !== true) return exitCodes.ok;
  const isPlain = results.length > 1 || options.output !== undefined;
  const timeoutMs = options.timeout ?? null;
  const codes = await Promise.all(
    results.map(async (result) => {
      const { service, rolloutId } = result;
      if (!(await isToWaitFor(session, result))) return exitCodes.ok;
      return waitForRollout(session, { service, rolloutId, timeoutMs, isPlain });
    }),
  );
  return worst(codes);
}

/** As kubectl diff: 0 nothing differs, 1 something does, 2 could not compare. */
export async function diff(session: Session, options: ApplyOptions): Promise<ExitCode> {
  try {
    const results = await send(session, options, true);
    print(
      session,
      results.flatMap((result) => result.diff.map(diffLine(session))),
    );
    const differs = results.some((result) => result.diff.length > 0);
    return differs ? exitCodes.error : exitCodes.ok;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { message, remedy, lines, cause } = error;
    throw new CliError(message, {
      code: 'usage',
      lines,
      cause,
      ...(remedy !== null && { remedy }),
    });
  }
}

async function send(
  session: Session,
  options: ApplyOptions,
  isDryRun: boolean,
): Promise<readonly ApplyResult[]> {
  const files = await readReleaseFiles(session, options.file);
  using client = await Client.connect(session);
  const body = { files, dryRun: isDryRun, who: session.who, why: options.reason ?? null };
  return (await client.post('/v1/apply', { body, signal: session.signal })).results;
}

/** What is applied already may have an old rollout that was rolled back; how that ended is nobody's question now. */
async function isToWaitFor(session: Session, result: ApplyResult): Promise<boolean> {
  if (result.outcome === 'started') return true;
  using client = await Client.connect(session);
  const { service, rolloutId } = result;
  const { progress } = await look(client, { service, rolloutId }, session.signal);
  return progress.kind === 'under-way' || progress.exitCode === exitCodes.waitingForPerson;
}

function resultLine(isDryRun: boolean): (result: ApplyResult) => string[] {
  return (result) => [
    `service/${result.service} ${result.outcome}${isDryRun ? ' (dry run)' : ''}: ${harmless(result.sentence)}`,
    ...(isDryRun ? changesOf(result).map((line) => `  ${harmless(line)}`) : []),
  ];
}

/** Of a new service every setting is new, which nobody wants to read unasked. */
function changesOf({ diff }: ApplyResult): readonly string[] {
  const isNew = diff.length > 0 && diff.every((line) => line.startsWith('+'));
  return isNew ? [`a new service; "tidegate diff" shows its ${diff.length} settings`] : diff;
}

function diffLine({ look }: Session): (line: string) => string {
  return (line) => {
    if (line.startsWith('+')) return paint(look, 'green', line);
    return line.startsWith('-') ? paint(look, 'red', line) : line;
  };
}

/** A rollback is worse than a timeout, a timeout than one that waits for a person. */
function worst(codes: readonly ExitCode[]): ExitCode {
  const order: readonly ExitCode[] = [
    exitCodes.error,
    exitCodes.timeout,
    exitCodes.waitingForPerson,
  ];
  return order.find((code) => codes.includes(code)) ?? exitCodes.ok;
}
