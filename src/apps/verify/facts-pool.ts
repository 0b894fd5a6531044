import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { BundleFacts } from './bundle-facts.ts';
import type { FactsAnswer, FactsRequest, KnownKey } from './bundle-facts.ts';

export type WorkerMessage =
  | { readonly kind: 'key'; readonly key: KnownKey }
  | { readonly kind: 'facts'; readonly request: FactsRequest };

/**
 * Works out the facts of bundles on several cores; without workers, here. Answers come in the order of the questions of each
 * worker.
 */
export class FactsPool implements AsyncDisposable {
  readonly #members: PoolMember[];
  readonly #here = new BundleFacts();
  #next = 0;

  /** Null: as many workers as there are cores. */
  constructor(workers: number | null) {
    const count = workers ?? availableParallelism();
    this.#members = Array.from({ length: count }, () => new PoolMember());
  }

  /** Bundles to have under way so that every worker has one to go on with. */
  get depth(): number {
    return Math.max(1, this.#members.length * 3);
  }

  learn(key: KnownKey): void {
    this.#here.learn(key);
    for (const member of this.#members) member.tell({ kind: 'key', key });
  }

  ask(request: FactsRequest): Promise<FactsAnswer> {
    const member = this.#members[this.#next % this.#members.length];
    this.#next += 1;
    if (member === undefined) return Promise.resolve(this.#here.of(request));
    return member.ask(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }
}

class PoolMember {
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<FactsAnswer>[] = [];
  #failure: Error | null = null;

  constructor() {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const file = fileURLToPath(new URL(`./facts-worker${extension}`, import.meta.url));
    this.#worker = new Worker(file);
    this.#worker.on('message', (answer: FactsAnswer) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('a worker has ended')));
  }

  tell(message: WorkerMessage): void {
    this.#worker.postMessage(message);
  }

  ask(request: FactsRequest): Promise<FactsAnswer> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const waiting = Promise.withResolvers<FactsAnswer>();
    this.#waiting.push(waiting);
    this.tell({ kind: 'facts', request });
    return waiting.promise;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
