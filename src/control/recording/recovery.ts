import { decide } from '../../domain/release/decide.ts';
import { emptyService, type ServiceState } from '../../domain/release/service-state.ts';
import { unpackEvents, unpackState } from './journal.ts';
import type { RecordedEntry } from './recorder.ts';
import { RESTART_INPUT } from './recorder-index.ts';

/** Where a service stood after its last entry. */
export interface RecoveredService {
  readonly state: ServiceState;
  readonly lastAtMs: number;
}

/** The names under which an entry keeps what it was decided from, and where that led. */
export const eventsInput = 'events';
export const stateInput = RESTART_INPUT;

/**
 * Rebuilds every service from its entries: the newest kept state, then the events of the entries after it. What was
 * observed after the last entry is gone, as if nobody had looked: no evidence, never wrong evidence.
 */
export async function recoverServices(
  entries: AsyncIterable<RecordedEntry>,
  readBlob: (sha256Hex: string) => Promise<Uint8Array>,
): Promise<ReadonlyMap<string, RecoveredService>> {
  const tails = new Map<string, RecordedEntry[]>();
  for await (const entry of entries) {
    if (!isServiceStream(entry.stream)) continue;
    const hasState = entry.inputs.some((input) => input.name === stateInput);
    const tail = hasState ? [] : (tails.get(entry.stream) ?? []);
    tail.push(entry);
    tails.set(entry.stream, tail);
  }
  const services = new Map<string, RecoveredService>();
  for (const [stream, tail] of tails) {
    const name = serviceOfStream(stream);
    services.set(name, await recoverOne(name, tail, readBlob));
  }
  return services;
}

/** Each service's entries form one stream of the ledger. */
export function streamOfService(service: string): string {
  return `service/${service}`;
}

/** Those that `recoverServices` reads. */
export function isServiceStream(stream: string): boolean {
  return stream.startsWith('service/');
}

function serviceOfStream(stream: string): string {
  return stream.slice('service/'.length);
}

async function recoverOne(
  name: string,
  tail: readonly RecordedEntry[],
  readBlob: (sha256Hex: string) => Promise<Uint8Array>,
): Promise<RecoveredService> {
  let state = emptyService(name);
  let lastAtMs = 0;
  for (const entry of tail) {
    lastAtMs = Math.max(lastAtMs, entry.observedAtMs);
    const kept = digestOf(entry, stateInput);
    if (kept !== null) {
      state = unpackState(await readBlob(kept));
      continue;
    }
    const events = digestOf(entry, eventsInput);
    if (events === null) continue;
    for (const event of unpackEvents(await readBlob(events))) state = decide(state, event).state;
  }
  // One record, one entry: whatever the replay says, no later record may take the name of an earlier one.
  const recordCount = tail.at(-1)?.streamVersion ?? 0;
  return { state: { ...state, recordCount }, lastAtMs };
}

/** Null: the entry has no input of this name. */
export function digestOf(entry: Pick<RecordedEntry, 'inputs'>, name: string): string | null {
  return entry.inputs.find((input) => input.name === name)?.sha256 ?? null;
}
