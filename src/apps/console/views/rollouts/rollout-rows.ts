import type { z } from 'zod';
import type { rolloutListSchema } from '../../../../api/rollout-list-wire.ts';
import type { EventView, ServiceView } from '../../../../api/wire.ts';
import { RequestError } from '../../client/request.ts';
import { type Row, rowOfService } from '../../parts/service-row.ts';
import { Signal } from '../../store/signal.ts';
import { compareRows, matches, queryText, type RolloutsQuery } from './rollouts-query.ts';

type RolloutList = z.infer<typeof rolloutListSchema>;

export interface Rows {
  readonly items: readonly Row[];
  /** Of the next page; null: there is none. */
  readonly next: string | null;
  readonly gotAtMs: number | null;
  readonly problem: RequestError | null;
  readonly isLoading: boolean;
}

export interface RowsParts {
  readonly get: (path: string) => Promise<unknown>;
  readonly nowMs: () => number;
  readonly isHidden: () => boolean;
  /** For a time without the server. */
  readonly keep: (path: string, page: unknown) => void;
}

const pageSize = 200;
/** Of what was never in a page; one machine has no other. */
const defaultNamespace = 'default';
/** Rows are brought up to date in rounds of so many, so that a stream of events is no stream of requests. */
const roundMs = 500;
const roundMax = 4;
const retryMs = 5_000;
/** From so many changed services on, a page is cheaper than each of them. */
const manyMax = 12;
/** Shares and requests of a rollout under way change without an event. */
const movingGoodForMs = 3_000;

/**
 * The rows of a table, page by page as they are scrolled to. An event brings the one row it is about up to date; the list is asked for
 * as a whole only when it is opened, and its first page when many have changed at once.
 */
export class RolloutRows {
  readonly rows: Signal<Rows>;
  readonly #query: RolloutsQuery;
  readonly #parts: RowsParts;
  readonly #changed = new Set<string>();
  readonly #gotAtMs = new Map<string, number>();
  #shown: readonly Row[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #isBusy = false;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  /** `kept`: the first page as it was last known. */
  constructor(
    query: RolloutsQuery,
    parts: RowsParts,
    kept: { readonly value: unknown; readonly gotAtMs: number | null },
  ) {
    this.#query = query;
    this.#parts = parts;
    const page = kept.value as RolloutList | null;
    this.rows = new Signal<Rows>({
      items: page?.items ?? [],
      next: page?.metadata.continue ?? null,
      gotAtMs: kept.gotAtMs,
      problem: null,
      isLoading: true,
    });
  }

  /** Returns the end. */
  start(): () => void {
    void this.loadFirst();
    this.#timer = setInterval(() => void this.#round(), roundMs);
    return () => clearInterval(this.#timer);
  }

  tell({ service }: EventView): void {
    if (service !== null && service.includes(this.#query.name)) this.#changed.add(service);
  }

  /** Those on the screen: their figures are kept up to date. */
  show(items: readonly Row[]): void {
    this.#shown = items;
  }

  async loadFirst(): Promise<void> {
    await this.#load(null);
  }

  async loadMore(): Promise<void> {
    const { next, isLoading } = this.rows.get();
    if (next !== null && !isLoading) await this.#load(next);
  }

  async #load(after: string | null): Promise<void> {
    this.rows.set({ ...this.rows.get(), isLoading: true });
    try {
      const page = (await this.#parts.get(pagePath(this.#query, after))) as RolloutList;
      const gotAtMs = this.#parts.nowMs();
      if (after === null) this.#parts.keep(pagePath(this.#query, null), page);
      for (const { service } of page.items) this.#gotAtMs.set(service, gotAtMs);
      const now = this.rows.get();
      const same = { gotAtMs, problem: null, isLoading: false };
      const beyond = after === null ? this.#beyond(page) : [];
      const before = after === null ? beyond : now.items;
      const items = merged(before, page.items, this.#query.sort);
      const next = beyond.length > 0 ? now.next : page.metadata.continue;
      this.rows.set({ items, next, ...same });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Rows of later pages, which a new first page says nothing of. */
  #beyond(page: RolloutList): readonly Row[] {
    const last = page.items.at(-1);
    if (last === undefined || page.metadata.continue === null) return [];
    return this.rows.get().items.filter((item) => compareRows(item, last, this.#query.sort) > 0);
  }

  async #round(): Promise<void> {
    if (this.#isBusy || this.#parts.isHidden()) return;
    this.#isBusy = true;
    try {
      if (this.#changed.size > manyMax || this.#isDueAgain()) {
        this.#changed.clear();
        await this.loadFirst();
      } else {
        await Promise.all(this.#due().map((service) => this.#renew(service)));
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** The last attempt failed, and is long enough ago. */
  #isDueAgain(): boolean {
    if (this.rows.get().problem === null) return false;
    return this.#parts.nowMs() - this.#failedAtMs > retryMs;
  }

  /** What an event was about, then what is shown and moves by itself, the oldest first. */
  #due(): readonly string[] {
    const oldBefore = this.#parts.nowMs() - movingGoodForMs;
    const moving = this.#shown
      .filter(({ status }) => movesByItself(status.phase))
      .map(({ service }) => service)
      .filter((service) => (this.#gotAtMs.get(service) ?? 0) < oldBefore)
      .toSorted((a, b) => (this.#gotAtMs.get(a) ?? 0) - (this.#gotAtMs.get(b) ?? 0));
    return [...new Set([...this.#changed, ...moving])].slice(0, roundMax);
  }

  async #renew(service: string): Promise<void> {
    this.#changed.delete(service);
    this.#gotAtMs.set(service, this.#parts.nowMs());
    try {
      const path = `/v1/services/${encodeURIComponent(service)}`;
      const known = this.rows.get().items.find((item) => item.service === service);
      const namespace = known?.metadata.namespace ?? defaultNamespace;
      const row = rowOfService((await this.#parts.get(path)) as ServiceView, namespace);
      this.#put(service, row);
    } catch (error) {
      if (error instanceof RequestError && error.status === 404) this.#put(service, null);
      else this.#failed(error);
    }
  }

  #put(service: string, row: Row | null): void {
    const now = this.rows.get();
    const others = now.items.filter((item) => item.service !== service);
    const isWanted = row !== null && matches(row, this.#query) && !this.#isBeyond(row, others);
    const items = isWanted ? merged(others, [row], this.#query.sort) : others;
    this.rows.set({ ...now, items, gotAtMs: this.#parts.nowMs(), problem: null });
  }

  /** It stands on a page that was not asked for yet. */
  #isBeyond(row: Row, others: readonly Row[]): boolean {
    const last = others.at(-1);
    if (this.rows.get().next === null || last === undefined) return false;
    return compareRows(row, last, this.#query.sort) > 0;
  }

  #failed(error: unknown): void {
    this.#failedAtMs = this.#parts.nowMs();
    const problem =
      error instanceof RequestError ? error : new RequestError(0, String(error), error);
    this.rows.set({ ...this.rows.get(), problem, isLoading: false });
  }
}

/** The rest is at rest until an event says otherwise. */
function movesByItself(phase: Row['status']['phase']): boolean {
  return phase !== 'Stable' && phase !== 'RolledBack';
}

/** The address of a page; null: of the first one. */
export function pagePath(query: RolloutsQuery, after: string | null): string {
  const parts = [`limit=${pageSize}`, queryText(query), after === null ? '' : `continue=${after}`];
  return `/v1/rollouts?${parts.filter((part) => part !== '').join('&')}`;
}

function merged(
  old: readonly Row[],
  more: readonly Row[],
  sort: RolloutsQuery['sort'],
): readonly Row[] {
  const byService = new Map([...old, ...more].map((item) => [item.service, item]));
  return [...byService.values()].toSorted((a, b) => compareRows(a, b, sort));
}
