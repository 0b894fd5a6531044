import { LoadError, type LoadOptions } from '../../../adapters/load/load-options.ts';
import { runLoad } from '../../../adapters/load/load-generator.ts';
import type { LoadReceipt, LoadTestInput } from '../../../api/client/generated/schemas.ts';
import type { LoadInterval, LoadResult } from '../../../domain/load/load-result.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, say, type Session } from '../session.ts';
import { failedThresholds, loadLines, progressLine } from '../views/load-lines.ts';

const progressMs = 1000;

export interface LoadCommandOptions {
  readonly service?: string;
  readonly path: string;
  readonly rps: number;
  readonly duration: number;
  readonly connections: number;
  readonly maxErrors?: number;
  readonly maxP99?: number;
  /** Keep the result as evidence of the service. */
  readonly record?: boolean;
  readonly reason?: string;
  readonly output?: DataFormat;
}

export async function load(
  session: Session,
  url: string | null,
  options: LoadCommandOptions,
): Promise<ExitCode> {
  const target = await targetOf(session, url, options);
  say(session, `Sending ${options.rps} requests/s to ${target.url} ...`);
  const result = await run(session, {
    ...target,
    targetRps: options.rps,
    durationMs: options.duration,
    connections: options.connections,
    intervalMs: progressMs,
  });
  const thresholds = {
    errorRatioMax: options.maxErrors ?? null,
    p99MsMax: options.maxP99 ?? null,
  };
  const failed = failedThresholds(result, thresholds);
  const recorded =
    options.record === true ? await record(session, options, { result, thresholds, failed }) : null;
  if (options.output === undefined) {
    const receipt = recorded === null ? [] : receiptLines(recorded);
    print(session, [...loadLines(result, failed, session.look), ...receipt]);
  } else {
    const data = {
      ...result,
      failedThresholds: failed,
      ...(recorded === null ? {} : { recorded }),
    };
    await printData(session, data, options.output);
  }
  return result.valid && failed.length === 0 ? exitCodes.ok : exitCodes.invalid;
}

async function record(
  session: Session,
  { service = '', path, reason }: LoadCommandOptions,
  found: {
    readonly result: LoadResult;
    readonly thresholds: LoadTestInput['thresholds'];
    readonly failed: readonly string[];
  },
): Promise<LoadReceipt> {
  const { result, thresholds, failed } = found;
  const test = { path, thresholds, failedThresholds: failed, result };
  const body = { who: session.who, why: reason ?? null, ...test };
  using client = await Client.connect(session);
  return await client.post('/v1/services/{name}/load-tests', {
    path: { name: service },
    body,
    signal: session.signal,
  });
}

function receiptLines({ entryIndex, rolloutId, sha256, notKept }: LoadReceipt): string[] {
  const of = rolloutId === null ? '' : ` with the rollout ${rolloutId}`;
  const kept =
    notKept === null
      ? `the result is the blob ${sha256.slice(0, 12)}`
      : `the result itself is not kept: ${harmless(notKept)}`;
  return [`Recorded as entry ${entryIndex}${of}; ${kept}.`];
}

async function run(session: Session, options: LoadOptions): Promise<LoadResult> {
  const onInterval = (interval: LoadInterval) => say(session, progressLine(interval));
  try {
    return await runLoad(options, session.signal, onInterval);
  } catch (cause) {
    if (!(cause instanceof LoadError)) throw cause;
    throw new CliError(cause.message, { code: 'usage', cause });
  }
}

interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A service is reached as its users reach it: through the gateway, by its host. */
async function targetOf(
  session: Session,
  url: string | null,
  options: LoadCommandOptions,
): Promise<Target> {
  if ((url === null) === (options.service === undefined)) {
    throw new CliError('cannot tell where the load goes', {
      code: 'usage',
      remedy: 'give either a URL or --service NAME',
    });
  }
  if (url !== null && options.record === true) {
    throw new CliError('cannot record a load of a URL: a result is evidence of a service', {
      code: 'usage',
      remedy: 'name the service with --service, or leave out --record',
    });
  }
  if (url !== null) return { url, headers: {} };
  using client = await Client.connect(session);
  const { signal } = session;
  const [service, status] = await Promise.all([
    client.get('/v1/services/{name}', { path: { name: options.service ?? '' }, signal }),
    client.get('/v1/status', { signal }),
  ]);
  return {
    url: new URL(options.path, status.gateway.url).href,
    headers: { host: service.spec.host },
  };
}
