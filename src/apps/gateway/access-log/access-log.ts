import type { MetricFamily } from '../metrics/metric-family.ts';
import { type AccessRecord, accessLine, dropLine } from './access-line.ts';
import { LogWriter } from './log-writer.ts';

/** Plain data: goes to worker processes as it is. */
export interface AccessLogOptions {
  /** `-`: standard output. */
  readonly path: string;
  /** Of the requests that ended well, in (0, 1]. Those that did not are all told. */
  readonly sampleRatio: number;
  /** Tells queries as well. */
  readonly hasQuery: boolean;
}

/** A line of JSON for each request, see accessLine and LogWriter. */
export class AccessLog implements AsyncDisposable {
  readonly #options: AccessLogOptions;
  readonly #writer: LogWriter;
  readonly #onHangUp = (): void => this.#writer.reopen();
  #owed = 0;
  #leftOut = 0;

  /** Rejects with the system's error when the file cannot be opened. Reopens it on SIGHUP, as log rotation asks for it. */
  static async open(options: AccessLogOptions, log: (message: string) => void): Promise<AccessLog> {
    const { path } = options;
    const writer = await LogWriter.open({
      path,
      dropLine: (count) => dropLine(Date.now(), count),
      log,
    });
    return new AccessLog(options, writer);
  }

  private constructor(options: AccessLogOptions, writer: LogWriter) {
    this.#options = options;
    this.#writer = writer;
    process.on('SIGHUP', this.#onHangUp);
  }

  tell(record: AccessRecord): void {
    if (this.#isWanted(record)) this.#writer.write(accessLine(record, this.#options));
  }

  families(): readonly MetricFamily[] {
    const { written, dropped } = this.#writer.counts;
    const outcomes = { written, dropped, left_out: this.#leftOut };
    return [
      {
        kind: 'counter',
        merge: 'sum',
        name: 'tidegate_gateway_access_log_lines',
        help: 'Lines of the access log by what became of them: left out ones were not in the sample.',
        points: Object.entries(outcomes).map(([outcome, value]) => ({
          labels: { outcome },
          value,
        })),
      },
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('SIGHUP', this.#onHangUp);
    await this.#writer[Symbol.asyncDispose]();
  }

  /** Exact over short runs: of any 100 requests at 0.1, 10 are told. */
  #isWanted({ status, error, access }: AccessRecord): boolean {
    if (error !== null || status >= 500 || access !== null) return true;
    this.#owed += this.#options.sampleRatio;
    // Ten times 0.1 is a little less than 1.
    if (this.#owed > 1 - 1e-9) {
      this.#owed -= 1;
      return true;
    }
    this.#leftOut += 1;
    return false;
  }
}
