import type { EventView } from '../../api/wire.ts';

/** Hands each new ledger entry to whoever follows. */
export class EventFeed {
  readonly #followers = new Set<(event: EventView) => void>();

  publish(event: EventView): void {
    for (const follower of this.#followers) follower(event);
  }

  follow(follower: (event: EventView) => void): Disposable {
    this.#followers.add(follower);
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }
}
