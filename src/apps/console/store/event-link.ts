import type { EventView } from '../../../api/wire.ts';

/** Whether what is shown is what is. */
export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly sinceMs: number };

export interface LinkParts {
  /** The index of the next entry, which is where the stream begins the first time. */
  readonly headIndex: () => Promise<number>;
  readonly onEvent: (event: EventView) => void;
  readonly onState: (state: LinkState) => void;
  readonly nowMs: () => number;
}

const retryMs = 2_000;

/**
 * The stream of events, opened again by the id of the last one, so that none is missed and none comes twice. The browser opens a broken
 * stream again by itself; one that was refused, it gives up, and then it is opened here.
 */
export class EventLink {
  readonly #parts: LinkParts;
  #source: EventSource | null = null;
  #nextIndex: number | null = null;
  #state: LinkState = { kind: 'connecting' };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Also: try again now, as after signing in. */
  open(): void {
    this.close();
    void this.#connect();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  async #connect(): Promise<void> {
    try {
      this.#nextIndex ??= await this.#parts.headIndex();
    } catch {
      this.#away();
      return;
    }
    this.#source?.close();
    const source = new EventSource(`/v1/events?follow=true&from=${this.#nextIndex}`);
    this.#source = source;
    source.addEventListener('open', () => this.#become({ kind: 'live' }));
    source.addEventListener('message', ({ data }) => this.#take(String(data)));
    source.addEventListener('error', () => {
      if (source === this.#source) this.#away();
    });
  }

  #take(text: string): void {
    const event = JSON.parse(text) as EventView;
    if (this.#nextIndex !== null && event.index < this.#nextIndex) return;
    this.#nextIndex = event.index + 1;
    this.#parts.onEvent(event);
  }

  #away(): void {
    if (this.#state.kind !== 'stale') {
      this.#become({ kind: 'stale', sinceMs: this.#parts.nowMs() });
    }
    clearTimeout(this.#timer);
    if (this.#source?.readyState === EventSource.CONNECTING) return;
    this.#timer = setTimeout(() => void this.#connect(), retryMs);
  }

  #become(state: LinkState): void {
    this.#state = state;
    this.#parts.onState(state);
  }
}
