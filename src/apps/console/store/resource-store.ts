import type { EventView } from '../../../api/wire.ts';
import { RequestError } from '../client/request.ts';
import type { Kept } from './kept-state.ts';

/**
 * What is known of one address of the API. `value` stays through failures: it is then as old as `gotAtMs` says. Always the same object
 * until something changes, so that what has not changed is not drawn again.
 */
export interface Resource<T> {
  readonly value: T | null;
  /** Null: never. */
  readonly gotAtMs: number | null;
  /** Why the newest attempt failed; null: it did not. */
  readonly problem: RequestError | null;
  readonly isLoading: boolean;
}

/** Who shows a resource says what makes it old. */
export interface Interest<T = unknown> {
  readonly changes: (event: EventView) => boolean;
  /** How long the value is good while no event comes: for figures that change without one. Null: until an event. */
  readonly goodForMs: (value: T) => number | null;
}

interface Entry {
  resource: Resource<unknown>;
  readonly watchers: Map<() => void, Interest>;
  startedAtMs: number;
  isOld: boolean;
  fetching: AbortController | null;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export interface StoreParts {
  readonly get: (path: string, signal: AbortSignal) => Promise<unknown>;
  readonly nowMs: () => number;
  /** Nobody looks: figures are not renewed, events are remembered. */
  readonly isHidden: () => boolean;
  readonly kept: ReadonlyMap<string, Kept>;
  readonly onProblem: (problem: RequestError) => void;
}

/** Between two requests for the same, however many events come. */
const gapMs = 400;
/** After a failure that may pass by itself. */
const retryMs = 5_000;
/** Nobody watches them, but one may come back. */
const unwatchedMax = 100;
const nothing: Resource<never> = { value: null, gotAtMs: null, problem: null, isLoading: true };

/**
 * Answers of the API by address. Each is asked for when it is first watched, and again only when an event of the stream concerns it,
 * its figures are over, or the stream was away. What nobody watches is never asked for.
 */
export class ResourceStore {
  readonly #entries = new Map<string, Entry>();
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    for (const [path, { value, gotAtMs }] of parts.kept) {
      this.#entries.set(path, entryOf({ value, gotAtMs, problem: null, isLoading: false }));
    }
  }

  read(path: string): Resource<unknown> {
    return this.#entries.get(path)?.resource ?? nothing;
  }

  /** Returns the end of watching. */
  watch(path: string, interest: Interest, listener: () => void): () => void {
    const entry = this.#entries.get(path) ?? entryOf(nothing);
    // Put last: the first are the first to be forgotten.
    this.#entries.delete(path);
    this.#entries.set(path, entry);
    entry.watchers.set(listener, interest);
    if (entry.fetching === null) this.#soon(path, entry);
    return () => {
      entry.watchers.delete(listener);
      if (entry.watchers.size > 0) return;
      clearTimeout(entry.timer);
      entry.timer = undefined;
      this.#forgetSome();
    };
  }

  /** An event of the stream: whatever it concerns is asked for again. */
  tell(event: EventView): void {
    for (const [path, entry] of this.#entries) {
      const interests = [...entry.watchers.values()];
      if (interests.some(({ changes }) => changes(event))) this.#soon(path, entry);
    }
  }

  /** Everything that is shown, as after a silence of the stream. */
  refreshAll(): void {
    for (const [path, entry] of this.#entries) if (entry.watchers.size > 0) this.#soon(path, entry);
  }

  /** What is watched is asked for anew; the rest is forgotten. */
  clear(): void {
    for (const [path, entry] of this.#entries) {
      entry.fetching?.abort();
      if (entry.watchers.size === 0) this.#entries.delete(path);
      else this.#show(entry, nothing);
    }
    this.refreshAll();
  }

  /** What is known, or else what the server says. */
  async get(path: string): Promise<unknown> {
    const { value, problem } = this.read(path);
    if (value !== null && problem === null) return value;
    const got = await this.#parts.get(path, new AbortController().signal);
    this.put(path, got);
    return got;
  }

  /** An answer that somebody else asked for, to be kept with the others. */
  put(path: string, value: unknown): void {
    const resource = { value, gotAtMs: this.#parts.nowMs(), problem: null, isLoading: false };
    const entry = this.#entries.get(path);
    if (entry === undefined) this.#entries.set(path, entryOf(resource));
    else this.#show(entry, resource);
    this.#forgetSome();
  }

  /** For keeping. */
  values(): ReadonlyMap<string, Kept> {
    const known = [...this.#entries].flatMap(([path, { resource }]) =>
      resource.gotAtMs === null
        ? []
        : [[path, { value: resource.value, gotAtMs: resource.gotAtMs }] as const],
    );
    return new Map(known);
  }

  /** At once, or as soon as the gap allows. */
  #soon(path: string, entry: Entry): void {
    if (entry.fetching !== null) {
      entry.isOld = true;
      return;
    }
    const waitMs = entry.startedAtMs + gapMs - this.#parts.nowMs();
    if (waitMs <= 0) void this.#fetch(path, entry);
    else this.#later(path, entry, waitMs);
  }

  #later(path: string, entry: Entry, waitMs: number): void {
    clearTimeout(entry.timer);
    entry.timer = setTimeout(() => {
      entry.timer = undefined;
      if (this.#parts.isHidden()) this.#later(path, entry, waitMs);
      else void this.#fetch(path, entry);
    }, waitMs);
  }

  async #fetch(path: string, entry: Entry): Promise<void> {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    entry.isOld = false;
    entry.startedAtMs = this.#parts.nowMs();
    entry.fetching = new AbortController();
    try {
      const value = await this.#parts.get(path, entry.fetching.signal);
      const gotAtMs = this.#parts.nowMs();
      this.#show(entry, { value, gotAtMs, problem: null, isLoading: false });
    } catch (error) {
      const problem = problemOf(error);
      this.#show(entry, { ...entry.resource, problem, isLoading: false });
      this.#parts.onProblem(problem);
    }
    entry.fetching = null;
    if (entry.watchers.size === 0) return;
    if (entry.isOld) this.#soon(path, entry);
    else this.#whenOver(path, entry);
  }

  #whenOver(path: string, entry: Entry): void {
    const { value, problem } = entry.resource;
    if (problem !== null && mayPass(problem)) this.#later(path, entry, retryMs);
    if (value === null || problem !== null) return;
    const bounds = [...entry.watchers.values()].flatMap(({ goodForMs }) => goodForMs(value) ?? []);
    if (bounds.length > 0) this.#later(path, entry, Math.max(gapMs, Math.min(...bounds)));
  }

  #show(entry: Entry, resource: Resource<unknown>): void {
    entry.resource = resource;
    for (const listener of entry.watchers.keys()) listener();
  }

  #forgetSome(): void {
    const unwatched = [...this.#entries].filter(([, { watchers }]) => watchers.size === 0);
    for (const [path, entry] of unwatched.slice(0, Math.max(0, unwatched.length - unwatchedMax))) {
      entry.fetching?.abort();
      this.#entries.delete(path);
    }
  }
}

function entryOf(resource: Resource<unknown>): Entry {
  return {
    resource,
    watchers: new Map(),
    startedAtMs: Number.NEGATIVE_INFINITY,
    isOld: false,
    fetching: null,
    timer: undefined,
  };
}

/** Nobody answered, too much was asked at once, or the server is in trouble. */
function mayPass({ status }: RequestError): boolean {
  return status === 0 || status === 429 || status >= 500;
}

function problemOf(error: unknown): RequestError {
  return error instanceof RequestError ? error : new RequestError(0, String(error), error);
}
