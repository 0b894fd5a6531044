import { LoadError, type LoadOptions } from '../../../adapters/load/load-options.ts';
import { runLoad } from '../../../adapters/load/load-generator.ts';
import { serverStatusSchema, serviceSchema } from '../../../api/wire.ts';
import type { LoadInterval, LoadResult } from '../../../domain/load/load-result.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
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
  if (options.output === undefined) print(session, loadLines(result, failed, session.look));
  else await printData(session, { ...result, failedThresholds: failed }, options.output);
  return result.valid && failed.length === 0 ? exitCodes.ok : exitCodes.invalid;
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
  if (url !== null) return { url, headers: {} };
  using client = await Client.connect(session);
  const path = `/v1/services/${encodeURIComponent(options.service ?? '')}`;
  const [service, status] = await Promise.all([
    client.get(path, serviceSchema, session.signal),
    client.get('/v1/status', serverStatusSchema, session.signal),
  ]);
  return {
    url: new URL(options.path, status.gateway.url).href,
    headers: { host: service.spec.host },
  };
}
