import { Client } from 'undici';
import type { LoadResult } from '../../domain/load/load-result.ts';
import type {
  BlueGreen,
  LoadCheck,
  SeenCheck,
  SeenLoad,
  SmokeCheck,
  StandbyReport,
} from '../../domain/release/strategies/strategy.ts';
import { previewHeader } from '../../domain/traffic/routing/preview.ts';
import type { StandbyChecker } from '../../ports/standby-checker.ts';
import { startLoadProcess } from './load-process.ts';

/** Of an answer's body that is looked through for a text. */
const bodyBytesMax = 1_048_576;
/** Of one warm-up request. */
const warmUpTimeoutMs = 5_000;
/** What one load check keeps open at most. */
const connectionsMax = 64;
/** A busy machine is late now and then; beyond this the load was not the one that was asked for. */
const sendLagP99LimitMs = 250;

/** Asks the standby through the gateway, as users will: with the preview header on the service's own host. */
export class GatewayStandbyChecker implements StandbyChecker {
  readonly #origin: () => string;

  /** `origin` is where the gateway listens without TLS, as `http://127.0.0.1:7400`; it may change when the gateway is started anew. */
  constructor(origin: () => string) {
    this.#origin = origin;
  }

  async check(
    { host, plan }: { readonly host: string; readonly plan: BlueGreen },
    signal: AbortSignal,
  ): Promise<StandbyReport> {
    const origin = this.#origin();
    const headers = { host, [previewHeader.name]: previewHeader.value };
    const within = AbortSignal.any([signal, AbortSignal.timeout(plan.withinMs)]);
    const client = new Client(origin, { pipelining: 1 });
    try {
      const asked = { client, headers, signal: within };
      const warmUpAnswers = await warm(plan, asked);
      const checks = await smoke(plan.checks, asked);
      signal.throwIfAborted();
      const arePassed = checks.length === plan.checks.length && checks.every(isAnswered);
      const load =
        plan.load === null || !arePassed
          ? null
          : await loadOn(plan.load, { origin, headers, signal: within });
      signal.throwIfAborted();
      return { kind: 'seen', warmUpAnswers, checks, load };
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'not-made', message: error instanceof Error ? error.message : String(error) };
    } finally {
      await client.destroy();
    }
  }
}

interface Asked {
  readonly client: Client;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** How many were answered; it ends early where time is over. */
async function warm({ warmUp }: BlueGreen, asked: Asked): Promise<number> {
  let answers = 0;
  for (let sent = 0; sent < (warmUp?.requests ?? 0) && !asked.signal.aborted; sent += 1) {
    const path = warmUp?.path ?? '/';
    const seen = await ask({ ...plainGet, path, timeoutMs: warmUpTimeoutMs }, asked);
    if (seen.status !== null) answers += 1;
  }
  return answers;
}

const plainGet = { name: 'warm-up', method: 'GET', headers: {}, body: null, contains: null };

/** In order; after one that had no answer, or not the wanted one, none is made. */
async function smoke(checks: readonly SmokeCheck[], asked: Asked): Promise<readonly SeenCheck[]> {
  const seen: SeenCheck[] = [];
  for (const check of checks) {
    const answer = await ask(check, asked);
    seen.push(answer);
    if (!isAnswered(answer) || answer.status !== check.status) break;
  }
  return seen;
}

function isAnswered({ status, error, isTextThere }: SeenCheck): boolean {
  return status !== null && error === null && isTextThere;
}

async function ask(check: Omit<SmokeCheck, 'status'>, asked: Asked): Promise<SeenCheck> {
  const { name, method, path, headers, body, contains, timeoutMs } = check;
  const startedAtMs = performance.now();
  const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(timeoutMs)]);
  let status: number | null = null;
  const seen = (isTextThere: boolean, error: string | null): SeenCheck => {
    const tookMs = Math.round(performance.now() - startedAtMs);
    return { name, status, isTextThere, error, tookMs };
  };
  try {
    const answer = await asked.client.request({
      method,
      path,
      headers: { ...headers, ...asked.headers },
      body,
      signal,
    });
    status = answer.statusCode;
    const text = await textOf(answer.body);
    return seen(contains === null || text.includes(contains), null);
  } catch (error) {
    // Nobody listens there: that is the gateway's trouble and says nothing of the standby.
    if (isRefused(error)) throw error;
    const isLate = signal.aborted;
    const message = error instanceof Error ? error.message : String(error);
    return seen(false, isLate ? `not within ${timeoutMs} ms` : message);
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

/** The beginning of a body; the rest is read and dropped, so that the connection serves on. */
async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    if (sizeBytes < bodyBytesMax) chunks.push(chunk);
    sizeBytes += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8', 0, bodyBytesMax);
}

async function loadOn(
  load: LoadCheck,
  at: {
    readonly origin: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<SeenLoad> {
  const { signal } = at;
  await using running = startLoadProcess({
    url: new URL(load.path, at.origin).href,
    headers: at.headers,
    targetRps: load.requestsPerSecond,
    durationMs: load.durationMs,
    connections: Math.min(connectionsMax, Math.max(1, Math.ceil(load.requestsPerSecond / 10))),
    sendLagP99LimitMs,
  });
  const stop = (): void => void running.stop().catch(() => undefined);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return seenLoad(await running.finished(), signal.aborted);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function seenLoad(result: LoadResult, isCutShort: boolean): SeenLoad {
  const { requests, errors, p95Ms, invalidBecause } = result;
  const cut = isCutShort ? ['its time was over before all was sent'] : [];
  return { requests, failures: errors, p95Ms, invalidBecause: [...invalidBecause, ...cut] };
}
