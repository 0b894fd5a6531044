import type { EjectionChange } from '../../../adapters/gateway/ejections.ts';

/** After an entry, what follows is gathered for so long: an instance that goes in and out must not fill the ledger. */
const gatherMs = 30_000;
/** Named in one entry; more are only counted. */
const namesMax = 5;

/** Says which instances the gateway has ejected and let in again: the first change at once, what follows it in one entry. */
export class EjectionJournal implements Disposable {
  readonly #journal: (sentence: string) => void;
  readonly #gatherMs: number;
  /** Newest word on each instance, with how often it has changed. */
  readonly #gathered = new Map<string, { last: EjectionChange; count: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(journal: (sentence: string) => void, gatherForMs = gatherMs) {
    this.#journal = journal;
    this.#gatherMs = gatherForMs;
  }

  note(changes: readonly EjectionChange[]): void {
    for (const change of changes) {
      const known = this.#gathered.get(change.instanceId);
      this.#gathered.set(change.instanceId, { last: change, count: (known?.count ?? 0) + 1 });
    }
    if (this.#timer === null) this.#tell();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tell(): void {
    this.#timer = null;
    if (this.#gathered.size === 0) return;
    const told = [...this.#gathered.values()];
    this.#gathered.clear();
    for (const isEjected of [true, false]) {
      const these = told.filter(({ last }) => last.isEjected === isEjected);
      if (these.length > 0) this.#journal(sentenceOf(these, isEjected));
    }
    this.#timer = setTimeout(() => this.#tell(), this.#gatherMs);
    this.#timer.unref();
  }
}

function sentenceOf(
  these: readonly { readonly last: EjectionChange; readonly count: number }[],
  isEjected: boolean,
): string {
  const named = these.slice(0, namesMax).map(({ last, count }) => {
    const times = count === 1 ? '' : ` (changed ${count} times)`;
    return `${last.instanceId} of ${last.service}${times}`;
  });
  const more = these.length > namesMax ? ` and ${these.length - namesMax} more` : '';
  const what = isEjected
    ? 'the gateway has ejected, because of failures in a row, '
    : 'the gateway does not eject any more ';
  return `${what}${named.join(', ')}${more}`;
}
