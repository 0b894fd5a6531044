import { Worker } from 'node:worker_threads';
import type { Counter } from '../counters.ts';
import type { AccessNote } from '../identity/route-authorization.ts';
import { type MetricFamily } from '../metrics/metric-family.ts';
import type { ExporterOptions } from './otlp-worker.ts';
import {
  blockBytes,
  hedges,
  type BlockMessage,
  type EmptiedBlock,
  spanBytes,
  spanField,
  spansPerBlock,
  type SpanTarget,
} from './span-block.ts';
import { RandomHex, type TraceContext } from './trace-context.ts';

/** Asked for once: it never changes, and asking leaves JavaScript. */
const { timeOrigin } = performance;
const flushMs = 200;
const collectorTimeoutMs = 5000;
/** 2 MB: what one core can serve in a third of a second. */
const blocksMax = 24;

export interface SpanCounts {
  readonly exported: number;
  /** No collector took them. */
  readonly lost: number;
  /** The exporting thread was behind, so they were not recorded. */
  readonly dropped: number;
}

/**
 * Records finished requests and has them exported by another thread. Traffic never waits for it: when all blocks are
 * filled, spans are dropped and counted.
 */
export class SpanRecorder implements AsyncDisposable {
  readonly random = new RandomHex();
  readonly #worker: Worker;
  readonly #blocks: Block[] = [];
  readonly #spare: Block[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #targets = new Map<Counter, number>();
  readonly #methods = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #accesses = new Map<string, number>();
  #block: Block | null = null;
  #spans = 0;
  #exported = 0;
  #lost = 0;
  #dropped = 0;
  #awaited = 0;

  /** `url` is a collector's, such as http://127.0.0.1:4318/v1/traces. */
  constructor(url: string, log: (message: string) => void, timeoutMs = collectorTimeoutMs) {
    // Beside this file both as TypeScript and when it is built.
    const script = new URL(`otlp-worker${import.meta.url.slice(-3)}`, import.meta.url);
    const workerData: ExporterOptions = { url, timeoutMs };
    this.#worker = new Worker(script, { workerData });
    this.#worker.unref();
    this.#worker.on('message', (emptied: EmptiedBlock) => this.#takeBack(emptied));
    // Without it spans are dropped and counted; the traffic goes on.
    this.#worker.on('error', (error) => log(`spans are not exported any more: ${error.message}`));
    this.#timer = setInterval(() => this.flush(), flushMs);
    this.#timer.unref();
  }

  get counts(): SpanCounts {
    return { exported: this.#exported, lost: this.#lost, dropped: this.#dropped };
  }

  families(): readonly MetricFamily[] {
    const points = Object.entries(this.counts).map(([outcome, value]) => {
      return { labels: { outcome }, value };
    });
    const help =
      'Spans by what became of them: lost ones no collector took, dropped ones were too many.';
    return [{ kind: 'counter', merge: 'sum', name: 'tidegate_gateway_spans', help, points }];
  }

  /** `startedMs` and `durationMs` are of `performance.now()`; status 0: the caller got nothing. */
  record(context: TraceContext, counter: Counter, method: string, outcome: SpanOutcome): void {
    this.#block ??= this.#spare.pop() ?? this.#newBlock();
    if (this.#block === null) {
      this.#dropped += 1;
      return;
    }
    const { bytes, view } = this.#block;
    const at = this.#spans * spanBytes;
    context.traceparent.copy(bytes, at + spanField.traceId, 3, 52);
    context.parentId.copy(bytes, at + spanField.parentId);
    const startUs = (timeOrigin + outcome.startedMs) * 1000;
    view.setFloat64(at + spanField.startUs, startUs, true);
    view.setFloat64(at + spanField.durationUs, outcome.durationMs * 1000, true);
    view.setUint16(at + spanField.status, outcome.status, true);
    view.setUint16(at + spanField.target, indexIn(this.#targets, counter), true);
    bytes[at + spanField.method] = indexIn(this.#methods, method);
    bytes[at + spanField.error] = indexIn(this.#errors, outcome.error ?? '');
    bytes[at + spanField.fault] = indexIn(this.#faults, outcome.fault ?? '');
    bytes[at + spanField.hedge] = outcome.hedge === null ? 0 : hedges.indexOf(outcome.hedge);
    bytes[at + spanField.access] = this.#accessIndex(outcome.access);
    this.#spans += 1;
    if (this.#spans === spansPerBlock) this.flush();
  }

  /** Those beyond what an octet can name are told in the access log alone. */
  #accessIndex(access: AccessNote | null): number {
    const none = indexIn(this.#accesses, '');
    if (access === null || this.#accesses.size > accessesMax) return none;
    return indexIn(this.#accesses, `${access.mode} ${access.rule ?? ''}`);
  }

  /** Hands what is recorded to the exporting thread. */
  flush(): void {
    if (this.#block === null || this.#spans === 0) return;
    this.#tell({
      kind: 'filled',
      index: this.#block.index,
      spans: this.#spans,
      targets: [...this.#targets.keys()].map(targetOf),
      methods: [...this.#methods.keys()],
      errors: [...this.#errors.keys()],
      faults: [...this.#faults.keys()],
      accesses: [...this.#accesses.keys()],
    });
    this.#awaited += 1;
    this.#block = null;
    this.#spans = 0;
    this.#targets.clear();
    this.#methods.clear();
    this.#errors.clear();
    this.#faults.clear();
    this.#accesses.clear();
  }

  /** Exports what is there, within a bound. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.flush();
    const untilMs = performance.now() + lastFlushMs;
    while (this.#awaited > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.#worker.terminate();
  }

  #newBlock(): Block | null {
    const index = this.#blocks.length;
    if (index === blocksMax) return null;
    const shared = new SharedArrayBuffer(blockBytes);
    const block = { index, bytes: Buffer.from(shared), view: new DataView(shared) };
    this.#blocks.push(block);
    this.#tell({ kind: 'new', index, bytes: shared });
    return block;
  }

  #tell(message: BlockMessage): void {
    this.#worker.postMessage(message);
  }

  #takeBack({ index, exported, lost }: EmptiedBlock): void {
    this.#awaited -= 1;
    this.#exported += exported;
    this.#lost += lost;
    const block = this.#blocks[index];
    if (block !== undefined) this.#spare.push(block);
  }
}

export interface SpanOutcome {
  readonly status: number;
  /** Why no instance's whole answer came to the caller; null: it did. */
  readonly error: string | null;
  /** Of what was injected on purpose; null: nothing was. */
  readonly fault: string | null;
  /** Of a second request beside the first; null: there was none. */
  readonly hedge: 'won' | 'lost' | null;
  /** What authorization has to say of it; null: nothing. */
  readonly access: AccessNote | null;
  readonly startedMs: number;
  readonly durationMs: number;
}

interface Block {
  readonly index: number;
  readonly bytes: Buffer;
  readonly view: DataView;
}

const lastFlushMs = 3000;
const accessesMax = 254;

function indexIn<K>(map: Map<K, number>, key: K): number {
  let index = map.get(key);
  if (index === undefined) {
    index = map.size;
    map.set(key, index);
  }
  return index;
}

function targetOf({ service, revisionId, instanceId }: Counter): SpanTarget {
  return { service, revisionId, instanceId };
}
