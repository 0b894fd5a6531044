/** Something that will bring a resource's answer, unless that is changed meanwhile. */
export interface Bringing {
  /** An unsafe request has made what it brings out of date. */
  isTainted: boolean;
}

/** What is under way, by resource, for those that hear of a change. */
export class UnderWay<Item extends Bringing> {
  readonly #byPrimary = new Map<string, Set<Item>>();

  begin(primary: string, item: Item): void {
    const known = this.#byPrimary.get(primary);
    if (known === undefined) this.#byPrimary.set(primary, new Set([item]));
    else known.add(item);
  }

  end(primary: string, item: Item): void {
    const known = this.#byPrimary.get(primary);
    known?.delete(item);
    if (known?.size === 0) this.#byPrimary.delete(primary);
  }

  taint(primary: string): void {
    for (const item of this.#byPrimary.get(primary) ?? []) item.isTainted = true;
  }
}
