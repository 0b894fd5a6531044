import { viewOf } from '../../src/adapters/memory/memory-instance.ts';
import type { MemoryMachine } from '../../src/adapters/memory/memory-platform.ts';
import type { MemoryRouter } from '../../src/adapters/memory/memory-router.ts';
import type { JsonValue } from '../../src/domain/evidence/canonical-json.ts';
import { readStatement } from '../../src/domain/evidence/statement.ts';
import type { LedgerBatch } from '../../src/ports/ledger-store.ts';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';
import type { Happening } from './happening.ts';
import type { VirtualTime } from './virtual-clock.ts';

/** Omit that keeps a union a union. */
type Timeless<Each> = Each extends Happening ? Omit<Each, 'atMs'> : never;

/** Stands beside the world and writes down what it sees change, at the moment it changes. */
export class Witness {
  readonly happenings: Happening[] = [];
  readonly #time: VirtualTime;
  readonly #router: MemoryRouter;
  readonly #machine: MemoryMachine;
  /** Revision by instance: those that nobody has asked to stop yet. */
  readonly #running = new Map<string, string>();
  readonly #known = new Set<string>();
  #table: RouteTable | null = null;
  #builtAfter = 0;
  #entries = 0;

  constructor(time: VirtualTime, router: MemoryRouter, machine: MemoryMachine) {
    this.#time = time;
    this.#router = router;
    this.#machine = machine;
  }

  note(happening: Timeless<Happening>): void {
    this.happenings.push({ ...happening, atMs: this.#time.nowMs });
  }

  /** A process has made a table and asks the router for its version: what it knew, it knew by now. */
  building(): void {
    this.#builtAfter = this.happenings.length;
  }

  /** To be called after everything that may have changed the router or the machine. */
  look(): void {
    const { table } = this.#router;
    if (table !== null && table !== this.#table) {
      this.#table = table;
      this.note({ kind: 'in-force', table, builtAfter: this.#builtAfter });
    }
    for (const instance of this.#machine.instances.values()) {
      if (this.#known.has(instance.id)) continue;
      this.#known.add(instance.id);
      const revisionId = instance.revision.id;
      this.#running.set(instance.id, revisionId);
      const present = [...this.#running.values()].filter((each) => each === revisionId).length;
      this.note({ kind: 'started', revisionId, present });
    }
    for (const [id, revisionId] of this.#running) {
      // Who stops at once is gone already: an instance leaves the machine only when it was asked to.
      const instance = this.#machine.instances.get(id);
      if (instance !== undefined && instance.goneAtMs === null) continue;
      this.#running.delete(id);
      this.note({ kind: 'stopping', revisionId, instanceId: id });
    }
  }

  appended(batch: LedgerBatch): void {
    for (const { leaf } of batch.entries) {
      // Read without checking that the bytes are canonical: the recorder and the verifier have tests of their own.
      const envelope = JSON.parse(Buffer.from(leaf).toString()) as { readonly payload: string };
      const payload = Buffer.from(envelope.payload, 'base64').toString();
      const statement = readStatement(JSON.parse(payload) as JsonValue);
      const isRoll = (statement.data as Record<string, unknown>)['decision'] === 'roll';
      const ready = isRoll ? { ready: this.#readyNow() } : {};
      this.note({ kind: 'entry', index: this.#entries, statement, ...ready });
      this.#entries += 1;
    }
  }

  #readyNow(): ReadonlyMap<string, number> {
    const ready = new Map<string, number>();
    for (const instance of this.#machine.instances.values()) {
      const { id } = instance.revision;
      const { state } = viewOf(instance, this.#machine.scriptOf(id), this.#time.nowMs);
      if (state === 'ready') ready.set(id, (ready.get(id) ?? 0) + 1);
    }
    return ready;
  }
}
