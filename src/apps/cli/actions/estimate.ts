import type { EstimateItem } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless, paint } from '../look.ts';
import { readReleaseFiles } from '../release-files.ts';
import { print, type Session } from '../session.ts';

export interface EstimateOptions {
  readonly file?: readonly string[];
  readonly rps?: number;
  readonly baseErrors?: number;
  readonly output?: DataFormat;
}

/** `name`: a service with a rollout under way, or that rollout; null: files. */
export async function estimate(
  session: Session,
  name: string | null,
  options: EstimateOptions,
): Promise<ExitCode> {
  const items = await itemsOf(session, name, options);
  if (options.output !== undefined) {
    await printData(session, { items }, options.output);
    return exitCodes.ok;
  }
  for (const [index, item] of items.entries()) {
    print(session, [
      ...(index === 0 ? [] : ['']),
      paint(session.look, 'bold', item.rolloutId ?? item.service),
      ...item.sentences.map((sentence) => `  ${harmless(sentence)}`),
    ]);
  }
  return exitCodes.ok;
}

async function itemsOf(
  session: Session,
  name: string | null,
  options: EstimateOptions,
): Promise<readonly EstimateItem[]> {
  const { file, rps = null, baseErrors = null } = options;
  if ((name === null) === (file === undefined)) {
    throw new CliError('cannot tell what to estimate', {
      code: 'usage',
      remedy: 'give either -f FILE, before a rollout, or the name of a service during one',
    });
  }
  if (file !== undefined) {
    const files = await readReleaseFiles(session, file);
    using client = await Client.connect(session);
    const body = { files, requestsPerSecond: rps, baseErrorRatio: baseErrors };
    return (await client.post('/v1/estimate', { body, signal: session.signal })).items;
  }
  if (rps !== null || baseErrors !== null) {
    throw new CliError('cannot take --rps or --base-errors during a rollout: both are measured', {
      code: 'usage',
      remedy: 'leave them out, or estimate the file with -f',
    });
  }
  using client = await Client.connect(session);
  return (
    await client.get('/v1/estimate/{id}', { path: { id: name ?? '' }, signal: session.signal })
  ).items;
}
