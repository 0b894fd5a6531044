import type { CounterReading } from '../../../adapters/gateway/control-message.ts';
import { Reported } from '../counters.ts';
import { Forgetting } from '../forgetting.ts';
import { isSplit } from '../gateway.ts';
import type { MakeEngine } from '../engine-kind.ts';
import type { ServingPlace } from '../live-revision.ts';
import { OwnPlane } from '../own-plane.ts';
import type { TokenSource } from '../../../ports/token-source.ts';
import type { FarLayer } from '../cache/far-layer.ts';
import { Borrowing } from '../limits/borrowing.ts';
import { ReportPace } from '../report-pace.ts';
import { type FromWorker, noVersion, type ToWorker } from './worker-message.ts';

const aliveEveryMs = 500;
/** Half of what listeners are told at, so that they hear of a failure hardly later than from one process. */
const paceRatio = 0.5;
/** How soon other workers hear of a client's vote; until then the client may have one at each of them. */
const votesEveryMs = 5;
/** As long as a gateway that is asked to stop. */
const orphanDrainMs = 30_000;

/**
 * A worker process: serves by what the gateway process says, and tells it what it counts. When that process is gone, it
 * finishes what is under way, for nobody could give it a table any more, and ends.
 *
 * Resolves with the exit code.
 */
export function runWorker(parts: WorkerParts): Promise<number> {
  const worker = new Worker(parts);
  // The gateway process ends its workers in order; a terminal's interrupt reaches them all at once.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('message', (message) => worker.hear(message as ToWorker));
  process.on('disconnect', () => worker.orphaned());
  tell({ type: 'ready' });
  return worker.ended;
}

export interface WorkerParts {
  readonly engine: MakeEngine;
  readonly place: ServingPlace;
  /** Of several gateways; null: there is none. */
  readonly tokens: TokenSource | null;
  /** Behind the memory of caches; null: nothing. */
  readonly far: FarLayer | null;
  readonly log: (message: string) => void;
}

class Worker {
  readonly #parts: WorkerParts;
  readonly #exit = Promise.withResolvers<number>();
  #serving: Serving | null = null;
  #isStopping = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  get ended(): Promise<number> {
    return this.#exit.promise;
  }

  hear(message: ToWorker): void {
    switch (message.type) {
      case 'begin':
        this.#begin(message);
        return;
      case 'table':
        this.#serving?.apply(message);
        return;
      case 'votes':
        this.#serving?.plane.learnVotes(message.votes);
        return;
      case 'cache-changed':
        this.#serving?.plane.cacheChanged(message.change);
        return;
      case 'tokens':
        this.#serving?.borrowing.buckets.learn(message.loans, performance.now());
        return;
      case 'drain':
        void this.#drain(message);
        return;
      case 'tell-metrics':
        void this.#tellMetrics(message.turn);
        return;
      case 'stop':
        void this.#stop(message.boundMs);
    }
  }

  orphaned(): void {
    // Whoever ends the gateway process while it drains does not want to wait.
    if (this.#isStopping) this.#exit.resolve(1);
    this.#parts.log('the gateway process is gone: finishing what is under way');
    void this.#stop(orphanDrainMs);
  }

  #begin(message: Extract<ToWorker, { type: 'begin' }>): void {
    const { host, port, votesKey, phase, table } = message;
    const { engine, place, tokens: shared, far } = this.#parts;
    const borrowing = new Borrowing({
      processShare: place.processShare ?? 1,
      shared,
      askNear: (asks) => tell({ type: 'ask-tokens', asks }),
    });
    const plane = new OwnPlane({
      engine,
      votesKey,
      phase,
      place,
      borrowing,
      far,
    });
    plane.onCacheChanged((change) => tell({ type: 'cache-changed', change }));
    this.#serving = new Serving(plane, borrowing);
    if (table !== null) this.#serving.apply({ table });
    plane.listen({ host, port, isShared: true }).then(
      () => tell({ type: 'serving' }),
      (error: NodeJS.ErrnoException) => {
        tell({ type: 'failed', code: error.code ?? '', message: error.message }, () =>
          this.#exit.resolve(1),
        );
      },
    );
  }

  async #drain({ id, turn }: Extract<ToWorker, { type: 'drain' }>): Promise<void> {
    await this.#serving?.plane.drain(id);
    tell({ type: 'drained', turn });
  }

  async #tellMetrics(turn: number): Promise<void> {
    const processes = (await this.#serving?.plane.metrics()) ?? [];
    tell({ type: 'metrics', turn, families: processes.flatMap(({ families }) => families) });
  }

  async #stop(boundMs: number): Promise<void> {
    this.#isStopping = true;
    await this.#serving?.stop(boundMs);
    this.#exit.resolve(0);
  }
}

/** The plane of this process, and the telling of what it counts. */
class Serving {
  readonly plane: OwnPlane;
  readonly borrowing: Borrowing;
  readonly #reported = new Reported();
  readonly #pace = new ReportPace(paceRatio);
  readonly #forgetting: Forgetting;
  #votesTimer: NodeJS.Timeout | null = null;
  #timer: NodeJS.Timeout;
  #toldMs = 0;
  /** What was told last of requests under way. */
  #underWayText = '[]';

  constructor(plane: OwnPlane, borrowing: Borrowing) {
    this.plane = plane;
    this.borrowing = borrowing;
    // Behind what came with the first in this turn.
    plane.onWaiting = () => setImmediate(() => this.#tell([], { isUrgent: true }));
    this.#forgetting = new Forgetting(
      plane.counters,
      () => plane.table,
      (gone) => this.#reported.forget(gone),
    );
    this.#timer = setTimeout(() => this.#tick(), this.#pace.delayMs());
  }

  apply({ table }: Pick<Extract<ToWorker, { type: 'table' }>, 'table'>): void {
    this.#newVotes();
    void this.plane.apply(table, () => this.#tellNews());
    tell({ type: 'in-force', version: this.plane.table?.version ?? noVersion });
    this.#tellVotes(table.routes.some(({ oneVotePer }) => oneVotePer !== undefined));
    if (!table.routes.some(isSplit)) return;
    this.#pace.quicken();
    clearTimeout(this.#timer);
    this.#tick();
  }

  async stop(boundMs: number): Promise<void> {
    await this.plane.stop(boundMs);
    clearTimeout(this.#timer);
    this.#tellVotes(false);
    this.#forgetting[Symbol.dispose]();
    await new Promise<void>((resolve) => this.#tellNews(resolve));
  }

  /** While there are routes with votes. */
  #tellVotes(areThere: boolean): void {
    if (areThere === (this.#votesTimer !== null)) return;
    if (this.#votesTimer !== null) clearInterval(this.#votesTimer);
    this.#votesTimer = areThere ? setInterval(() => this.#newVotes(), votesEveryMs) : null;
  }

  #newVotes(): void {
    const votes = this.plane.takeVotes();
    if (votes.length > 0) tell({ type: 'votes', votes });
  }

  #tick(): void {
    const news = this.#reported.news(this.plane.counters.all());
    const isDue = performance.now() - this.#toldMs > aliveEveryMs || this.#hasMoved();
    if (news.length > 0 || isDue) this.#tell(news);
    this.#timer = setTimeout(() => this.#tick(), this.#pace.delayMs());
  }

  #hasMoved(): boolean {
    return JSON.stringify(this.plane.underWay()) !== this.#underWayText;
  }

  #tellNews(onTold?: () => void): void {
    const counters = this.#reported.news(this.plane.counters.all());
    this.#tell(counters, onTold === undefined ? {} : { onTold });
  }

  #tell(
    counters: readonly CounterReading[],
    {
      isUrgent = false,
      onTold,
    }: { readonly isUrgent?: boolean; readonly onTold?: () => void } = {},
  ): void {
    this.#toldMs = performance.now();
    const version = this.plane.table?.version ?? noVersion;
    const underWay = this.plane.underWay();
    this.#underWayText = JSON.stringify(underWay);
    const counted = { type: 'counted', version, counters, underWay } as const;
    tell(isUrgent ? { ...counted, isUrgent } : counted, onTold);
  }
}

/** Nothing, when the gateway process is gone: it has no use for it. */
function tell(message: FromWorker, onTold: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => onTold());
  else onTold();
}
