import { requestsPerSecondMax } from '../../domain/load/schedule.ts';

/** Plain data, so that it can be sent to another process. */
export interface LoadOptions {
  /** `http:` address of the target, with path and query. */
  readonly url: string;
  /** Sent with each request; `host` names the service when the target is a gateway. */
  readonly headers: Readonly<Record<string, string>>;
  readonly targetRps: number;
  /** null: until stopped. */
  readonly durationMs: number | null;
  /** Keep-alive connections, opened as they are needed. */
  readonly connections: number;
  readonly method?: 'GET' | 'HEAD';
  /** From the intended start of a request to its end. */
  readonly timeoutMs?: number;
  /** Unfinished requests, waiting ones included; a request beyond is dropped and spoils the run. */
  readonly inFlightMax?: number;
  /** Length of the points of the series and of the calls of `onInterval`. */
  readonly intervalMs?: number;
  /** A run whose generator was later than this (p99) is invalid. */
  readonly sendLagP99LimitMs?: number;
}

export interface LoadSettings extends Required<Omit<LoadOptions, 'url'>> {
  readonly url: URL;
  readonly path: string;
}

const loadDefaults = {
  method: 'GET',
  timeoutMs: 5_000,
  inFlightMax: 10_000,
  intervalMs: 100,
  // Well under any latency objective, well over a timer's own inexactness.
  sendLagP99LimitMs: 20,
} as const;

const timeoutMaxMs = 60_000;
const connectionsMax = 10_000;

/** Throws `LoadError` with code `options-refused`. */
export function settingsOf(options: LoadOptions): LoadSettings {
  const url = targetOf(options.url);
  const settings = { ...loadDefaults, ...options, url, path: url.pathname + url.search };
  demand('targetRps', settings.targetRps, { above: 0, max: requestsPerSecondMax });
  demand('connections', settings.connections, { above: 0, max: connectionsMax });
  demand('timeoutMs', settings.timeoutMs, { above: 0, max: timeoutMaxMs });
  demand('inFlightMax', settings.inFlightMax, { above: 0, max: 1_000_000 });
  demand('intervalMs', settings.intervalMs, { above: 9, max: timeoutMaxMs });
  demand('sendLagP99LimitMs', settings.sendLagP99LimitMs, { above: 0, max: timeoutMaxMs });
  if (settings.durationMs !== null) {
    demand('durationMs', settings.durationMs, { above: 0, max: Number.MAX_SAFE_INTEGER });
  }
  return settings;
}

/** The load could not be run; what a run found, however bad, is a result and not this error. */
export class LoadError extends Error {
  override readonly name = 'LoadError';
  readonly code: 'options-refused' | 'worker-failed' | 'worker-killed';
  readonly retryable: boolean;

  constructor(
    code: LoadError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

function targetOf(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'http:') return url;
  throw new LoadError(
    'options-refused',
    `cannot send load to "${text}": must be a URL that starts with http://`,
    { retryable: false },
  );
}

function demand(
  name: string,
  value: number,
  range: { readonly above: number; readonly max: number },
): void {
  if (value > range.above && value <= range.max) return;
  throw new LoadError(
    'options-refused',
    `cannot run load with ${name} ${value}: must be over ${range.above} and at most ${range.max}`,
    { retryable: false },
  );
}
