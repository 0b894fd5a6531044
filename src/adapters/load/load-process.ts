import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadInterval, LoadResult } from '../../domain/load/load-result.ts';
import type { LoadPoint } from '../../domain/load/load-series.ts';
import { appendPoint, failuresBetween } from '../../domain/load/load-series.ts';
import type { FromLoadWorker, ToLoadWorker } from './load-messages.ts';
import type { LoadOptions } from './load-options.ts';
import { LoadError, settingsOf } from './load-options.ts';

export interface LoadProcess extends AsyncDisposable {
  readonly pid: number;
  /**
   * Failed requests that ended between two moments (epoch ms), as far as the worker has told: an interval arrives
   * within `intervalMs` after its end. Afterwards the same from the result's series.
   */
  failuresBetween(fromMs: number, toMs: number): number;
  /** Resolves when the duration is over or the run was stopped. Rejects with `LoadError` when the worker failed. */
  finished(): Promise<LoadResult>;
  /** Ends the schedule, waits for the requests in flight (`timeoutMs` at most), gives the result. Repeatable. */
  stop(): Promise<LoadResult>;
  /** Kills the worker if it still runs, and waits until it is gone. Its result is lost. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Runs the load in a process of its own. A process and not a worker thread: its event loop, its garbage collection and
 * its crash touch nobody else's, the system shows its CPU by itself, and it can be killed whole at any moment. It costs
 * some 50 MB and 150 ms at the start. The worker ends by itself when this process goes away.
 */
export function startLoadProcess(
  options: LoadOptions,
  onInterval: (interval: LoadInterval) => void = () => {},
): LoadProcess {
  settingsOf(options);
  const worker = new LoadWorkerProcess(onInterval);
  worker.say({ kind: 'start', options });
  return worker;
}

/** Kept of what the worker wrote to standard error, for the message when it fails. */
const stderrCharactersMax = 2_000;

class LoadWorkerProcess implements LoadProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #onInterval: (interval: LoadInterval) => void;
  readonly #result = Promise.withResolvers<LoadResult>();
  readonly #gone = Promise.withResolvers<void>();
  #series: LoadPoint[] = [];
  #stderr = '';

  constructor(onInterval: (interval: LoadInterval) => void) {
    this.#onInterval = onInterval;
    // The options of this process (a test runner's, an inspector's port) are not the worker's.
    this.#child = fork(workerPath(), { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.pid = this.#child.pid ?? -1;
    this.#child.on('message', (message: FromLoadWorker) => this.#hear(message));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharactersMax);
    });
    this.#child.once('error', (error) => this.#end('could not be started', error));
    this.#child.once('close', (code, signal) =>
      this.#end(`ended by itself with ${signal ?? `exit code ${code}`}`),
    );
    // The failure reaches whoever asks by finished() or stop(); nobody asking must not end the process.
    this.#result.promise.catch(() => {});
  }

  failuresBetween(fromMs: number, toMs: number): number {
    return failuresBetween(this.#series, fromMs, toMs);
  }

  finished(): Promise<LoadResult> {
    return this.#result.promise;
  }

  stop(): Promise<LoadResult> {
    if (this.#child.connected) this.say({ kind: 'stop' });
    return this.#result.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const killed = new LoadError('worker-killed', 'the load was ended before it had a result', {
      retryable: false,
    });
    this.#result.reject(killed);
    this.#child.kill('SIGKILL');
    await this.#gone.promise;
  }

  say(message: ToLoadWorker): void {
    // A failed send means that the worker is gone; its 'close' settles the result.
    this.#child.send(message, () => {});
  }

  #hear(message: FromLoadWorker): void {
    switch (message.kind) {
      case 'interval':
        appendPoint(this.#series, message.interval);
        this.#onInterval(message.interval);
        break;
      case 'result':
        this.#series = [...message.result.series];
        this.#result.resolve(message.result);
        break;
      case 'failed':
        this.#result.reject(
          new LoadError(
            message.isRefusal ? 'options-refused' : 'worker-failed',
            `the load process failed: ${message.message}`,
            { retryable: false },
          ),
        );
        break;
    }
  }

  /** Does nothing to a result that is already there. */
  #end(how: string, cause?: unknown): void {
    const said = this.#stderr === '' ? '' : `: ${this.#stderr.trim()}`;
    this.#result.reject(
      new LoadError('worker-failed', `the load process ${this.pid} ${how}${said}`, {
        retryable: true,
        cause,
      }),
    );
    this.#gone.resolve();
  }
}

/** The worker beside this file: a .ts source or an emitted .js, as this file is one. */
function workerPath(): string {
  const name = import.meta.url.endsWith('.ts') ? './load-worker.ts' : './load-worker.js';
  return fileURLToPath(new URL(name, import.meta.url));
}
