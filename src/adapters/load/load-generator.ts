import { Pool } from 'undici';
import type { LoadInterval, LoadResult } from '../../domain/load/load-result.ts';
import type { ConstantSchedule } from '../../domain/load/schedule.ts';
import { dueCount, intendedOffsetMs, scheduledTotal } from '../../domain/load/schedule.ts';
import type { LoadOptions, LoadSettings } from './load-options.ts';
import { settingsOf } from './load-options.ts';
import { LoadRecorder } from './load-recorder.ts';
import type { RequestListener } from './load-request.ts';
import { LoadRequest, requestTimeout } from './load-request.ts';
import { headerMaker } from './request-headers.ts';

/**
 * An open-loop load generator: requests start by a schedule computed ahead, whatever the server does.
 *
 * L1. A late request is sent at once and its lateness is part of its latency, which counts from the intended start.
 * L2. Nothing is left out silently: every request of the schedule ends as an answer, an error, or dropped, and any
 *     dropped one makes the run invalid.
 * L3. Bounded: at most `connections` requests on the wire, at most `inFlightMax` unfinished, each for at most
 *     `timeoutMs` from its intended start. So the run ends at most `timeoutMs` after its schedule.
 * L4. The generator's own lateness is measured apart from the server's (send lag), and judged.
 * Guard of all: load-generator.test.ts.
 *
 * Aborting the signal ends the schedule, not the run: what is in flight is waited for, then the result is given.
 * Throws `LoadError` for options that cannot be run.
 */
export async function runLoad(
  options: LoadOptions,
  signal: AbortSignal,
  onInterval: (interval: LoadInterval) => void = () => {},
): Promise<LoadResult> {
  const run = new LoadRun(settingsOf(options), onInterval);
  try {
    return await run.finish(signal);
  } finally {
    await run.close();
  }
}

/** Timers cannot be finer than 1 ms; at 2 ms the tick costs under 1 % of a core and a request is late by 1 ms on average. */
const tickMs = 2;

/** The list of unfinished requests is cut when this many ended ones stand at its front. */
const endedAtFrontMax = 1024;

class LoadRun {
  readonly #settings: LoadSettings;
  readonly #onInterval: (interval: LoadInterval) => void;
  readonly #pool: Pool;
  readonly #recorder: LoadRecorder;
  readonly #headers: () => string[];
  readonly #done = Promise.withResolvers<LoadResult>();
  readonly #cpuBefore = process.threadCpuUsage();
  readonly #startedAtMs = Date.now();
  /** Moment of offset 0 on the monotonic clock. */
  readonly #zeroMs = performance.now();
  readonly #listener: RequestListener = {
    nowMs: () => this.#elapsedMs(),
    onSent: (atMs) => this.#recorder.recordSent(atMs),
    onEnded: (request, outcome) => {
      this.#unfinished -= 1;
      this.#recorder.recordEnd(request, outcome, this.#elapsedMs());
    },
    onReleased: () => {
      this.#onWire -= 1;
      this.#sendWaiting();
    },
  };
  /** Its duration is set when the run is told to stop. */
  #schedule: ConstantSchedule;
  /** Index of the next request of the schedule. */
  #next = 0;
  #onWire = 0;
  #unfinished = 0;
  /** In order of intended start, so also of time limit; ended ones are skipped. From `#oldest` on. */
  #requests: LoadRequest[] = [];
  #oldest = 0;
  /** Waiting for a free connection, oldest first. From `#waitingFrom` on. */
  #waiting: LoadRequest[] = [];
  #waitingFrom = 0;

  constructor(settings: LoadSettings, onInterval: (interval: LoadInterval) => void) {
    this.#settings = settings;
    this.#onInterval = onInterval;
    this.#schedule = {
      kind: 'constant',
      requestsPerSecond: settings.targetRps,
      durationMs: null,
    };
    this.#recorder = new LoadRecorder(this.#startedAtMs);
    this.#endAt(settings.durationMs);
    this.#headers = headerMaker(settings.headers);
    this.#pool = new Pool(settings.url.origin, {
      connections: settings.connections,
      pipelining: 1,
      connect: { timeout: settings.timeoutMs },
      // The time limit is ours alone (L3): it counts from the intended start.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async finish(signal: AbortSignal): Promise<LoadResult> {
    const stop = (): void => this.#endSchedule();
    const timer = setInterval(() => this.#tick(), tickMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await this.#done.promise;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #tick(): void {
    try {
      const nowMs = this.#elapsedMs();
      this.#sendDue(nowMs);
      this.#endOverdue(nowMs);
      if (nowMs - this.#recorder.intervalFromMs >= this.#settings.intervalMs) this.#closeInterval();
      if (this.#isFinished(nowMs)) this.#resolve();
    } catch (error) {
      this.#done.reject(error);
    }
  }

  #sendDue(nowMs: number): void {
    const due = dueCount(this.#schedule, nowMs);
    for (; this.#next < due; this.#next += 1) {
      const intendedMs = intendedOffsetMs(this.#schedule, this.#next);
      if (this.#unfinished >= this.#settings.inFlightMax) {
        this.#recorder.dropped += 1;
        continue;
      }
      this.#recorder.recordSendLag(this.#elapsedMs() - intendedMs);
      this.#start(intendedMs);
    }
  }

  #start(intendedMs: number): void {
    const request = new LoadRequest(intendedMs, this.#listener);
    this.#unfinished += 1;
    this.#requests.push(request);
    if (this.#onWire < this.#settings.connections) this.#send(request);
    else this.#waiting.push(request);
  }

  #send(request: LoadRequest): void {
    this.#onWire += 1;
    const { path, method } = this.#settings;
    this.#pool.dispatch({ path, method, headers: this.#headers() }, request);
  }

  #sendWaiting(): void {
    while (this.#onWire < this.#settings.connections) {
      const request = this.#waiting[this.#waitingFrom];
      if (request === undefined) break;
      this.#waitingFrom += 1;
      if (!request.isEnded) this.#send(request);
    }
    if (this.#waitingFrom < endedAtFrontMax && this.#waitingFrom < this.#waiting.length) return;
    this.#waiting.splice(0, this.#waitingFrom);
    this.#waitingFrom = 0;
  }

  /** Times out what is older than the limit and forgets what has ended, from the front. */
  #endOverdue(nowMs: number): void {
    for (;;) {
      const request = this.#requests[this.#oldest];
      if (request === undefined) break;
      if (!request.isEnded) {
        if (nowMs - request.intendedMs < this.#settings.timeoutMs) break;
        request.abandon(requestTimeout);
      }
      this.#oldest += 1;
    }
    if (this.#oldest < endedAtFrontMax) return;
    this.#requests.splice(0, this.#oldest);
    this.#oldest = 0;
  }

  #closeInterval(): void {
    this.#onInterval(this.#recorder.closeInterval(this.#elapsedMs(), this.#unfinished));
  }

  #endSchedule(): void {
    const nowMs = this.#elapsedMs();
    const plannedMs = this.#schedule.durationMs;
    if (plannedMs !== null && plannedMs <= nowMs) return;
    this.#sendDue(nowMs);
    this.#endAt(nowMs);
  }

  #endAt(durationMs: number | null): void {
    this.#schedule = { ...this.#schedule, durationMs };
    if (durationMs !== null) {
      this.#recorder.inTimeUntilMs = durationMs + this.#settings.sendLagP99LimitMs;
    }
  }

  #isFinished(nowMs: number): boolean {
    const { durationMs } = this.#schedule;
    return durationMs !== null && nowMs >= durationMs && this.#unfinished === 0;
  }

  #resolve(): void {
    this.#closeInterval();
    const { user, system } = process.threadCpuUsage(this.#cpuBefore);
    this.#done.resolve(
      this.#recorder.result({
        targetRps: this.#settings.targetRps,
        durationMs: this.#schedule.durationMs ?? 0,
        scheduled: scheduledTotal(this.#schedule) ?? 0,
        sendLagP99LimitMs: this.#settings.sendLagP99LimitMs,
        cpuUs: user + system,
      }),
    );
  }

  #elapsedMs(): number {
    return performance.now() - this.#zeroMs;
  }
}
