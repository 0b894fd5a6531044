/**
 * Deciding again: the events kept beside an entry, folded through the decider, have to give the entry's record byte for
 * byte in canonical JSON, and the state kept beside it. That is what recovery and an auditor rest on.
 *
 * R1 An entry is decided again from the state before it and from its own events only.
 * R2 Bytes that are missing, or do not have the digest that the signed entry names, are a difference and are not used.
 * R3 After an entry the kept state wins over the replayed one, so that one difference does not colour what follows.
 */
import {
  canonicalJson,
  EvidenceError,
  type JsonValue,
} from '../../domain/evidence/canonical-json.ts';
import { readEvidencePlan } from '../../domain/evidence/evidence-plan.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { decide } from '../../domain/release/decide.ts';
import {
  emptyService,
  type ReleaseRecord,
  type ServiceState,
} from '../../domain/release/service-state.ts';
import { noWitnesses, plainJson, recordJson } from '../recording/entry-batch.ts';
import { unpackEvents, unpackState } from '../recording/journal.ts';
import type { RecordedEntry } from '../recording/recorder.ts';
import { digestOf, eventsInput, stateInput } from '../recording/recovery.ts';

export interface RolloutReplay {
  readonly rolloutId: string;
  /** Entries of the rollout so far, and how many of them came out again without any difference. */
  readonly decisionCount: number;
  readonly sameCount: number;
  readonly eventCount: number;
  /** Of the programs that decided, each once, oldest first. */
  readonly versions: readonly string[];
  /** Null: all is the same. */
  readonly firstDifference: ReplayDifference | null;
}

export interface ReplayDifference {
  readonly entryIndex: number;
  /** Of the program that decided the entry. */
  readonly version: string;
  readonly what: string;
  readonly recorded: JsonValue;
  /** Null: the events led to no record. */
  readonly replayed: JsonValue;
}

/** Null: the ledger has no blob of this digest. */
export type ReadBlob = (sha256Hex: string) => Promise<Uint8Array | null>;

/** The service whose rollout it is: ids are `<service>-<number>`. */
export function serviceOfRollout(rolloutId: string): string {
  return rolloutId.replace(/-\d+$/, '');
}

/**
 * Takes the entries of the rollout's service, oldest first, and decides those of the rollout again, from the newest
 * state kept before it. Null: none is of this rollout.
 */
export async function replayRollout(
  rolloutId: string,
  entries: AsyncIterable<RecordedEntry>,
  readBlob: ReadBlob,
): Promise<RolloutReplay | null> {
  /** From the newest kept state on, while the rollout has not begun. */
  let before: RecordedEntry[] = [];
  let state: ServiceState | null = null;
  let [decisionCount, sameCount, eventCount] = [0, 0, 0];
  let firstDifference: ReplayDifference | null = null;
  const versions = new Set<string>();
  for await (const entry of entries) {
    if (!isOfRollout(entry, rolloutId)) {
      // A service has one rollout at a time.
      if (state !== null) break;
      before = digestOf(entry, stateInput) === null ? [...before, entry] : [entry];
      continue;
    }
    state ??= await stateAfter(before, serviceOfRollout(rolloutId), readBlob);
    const replayed = await replayEntry(state, entry, readBlob);
    state = replayed.state;
    decisionCount += 1;
    eventCount += replayed.eventCount;
    versions.add(entry.version);
    if (replayed.differences.length === 0) sameCount += 1;
    firstDifference ??= replayed.differences[0] ?? null;
  }
  if (state === null) return null;
  return {
    rolloutId,
    decisionCount,
    sameCount,
    eventCount,
    versions: [...versions],
    firstDifference,
  };
}

export interface ReplayedEntry {
  /** After the entry (R3). */
  readonly state: ServiceState;
  readonly eventCount: number;
  readonly differences: readonly ReplayDifference[];
}

export async function replayEntry(
  before: ServiceState,
  entry: Pick<RecordedEntry, 'index' | 'version' | 'data' | 'inputs'>,
  readBlob: ReadBlob,
): Promise<ReplayedEntry> {
  const events = await readInput(entry, eventsInput, readBlob);
  const kept = await readInput(entry, stateInput, readBlob);
  const wrongs = [events.wrong, kept.wrong].filter((wrong) => wrong !== null);
  let state = before;
  let record: ReleaseRecord | null = null;
  const list = events.bytes === null ? [] : unpackEvents(events.bytes);
  for (const event of list) {
    if (record !== null) wrongs.push('an event before the last one led to a record');
    ({ state, record } = decide(state, event));
  }
  const replayed = asRecorded({ state, record }, entry.data);
  if (canonicalJson(replayed) !== canonicalJson(entry.data)) {
    wrongs.push(`the record differs${fieldsThatDiffer(entry.data, replayed)}`);
  }
  const keptState = kept.bytes === null ? null : unpackState(kept.bytes);
  if (keptState !== null) {
    const [was, is] = [plainJson(keptState), plainJson(state)];
    if (canonicalJson(was) !== canonicalJson(is)) {
      wrongs.push(`the state after it differs${fieldsThatDiffer(was, is)}`);
    }
  }
  const { index: entryIndex, version, data: recorded } = entry;
  return {
    state: keptState ?? state,
    eventCount: list.length,
    differences: wrongs.map((what) => ({ entryIndex, version, what, recorded, replayed })),
  };
}

/**
 * As the entry has it: with what has to follow and that it was an undo, unless an earlier program wrote it; who was to witness is no
 * decision.
 */
function asRecorded(
  { state, record }: { readonly state: ServiceState; readonly record: ReleaseRecord | null },
  recorded: JsonValue,
): JsonValue {
  if (record === null || !isObject(recorded)) return plainJson(record);
  const rolloutKind = 'rolloutKind' in recorded ? (state.rollout?.kind ?? null) : null;
  if (!('evidence' in recorded)) {
    const isPlan = record.type === 'release-plan';
    return isPlan ? plainJson(record) : recordJson(record, { witnesses: noWitnesses, rolloutKind });
  }
  try {
    const { witnesses } = readEvidencePlan(recorded['evidence'] ?? null);
    return recordJson(record, { witnesses, rolloutKind });
  } catch (error) {
    // Then it differs, as it should.
    if (!(error instanceof EvidenceError)) throw error;
    return plainJson(record);
  }
}

/** Where a service stood after these entries, of which only the first may have a kept state. */
export async function stateAfter(
  entries: readonly RecordedEntry[],
  service: string,
  readBlob: ReadBlob,
): Promise<ServiceState> {
  let state = emptyService(service);
  for (const entry of entries) {
    const { bytes } = await readInput(entry, stateInput, readBlob);
    if (bytes === null) ({ state } = await replayEntry(state, entry, readBlob));
    else state = unpackState(bytes);
  }
  return state;
}

/** An entry without such an input has neither bytes nor anything wrong. */
export async function readInput(
  entry: Pick<RecordedEntry, 'inputs'>,
  name: string,
  readBlob: ReadBlob,
): Promise<{ readonly bytes: Uint8Array | null; readonly wrong: string | null }> {
  const digest = digestOf(entry, name);
  if (digest === null) return { bytes: null, wrong: null };
  const bytes = await readBlob(digest);
  if (bytes === null)
    return { bytes: null, wrong: `the blob of its ${name}, ${digest}, is not in the ledger` };
  const found = sha256Hex(bytes);
  if (found === digest) return { bytes, wrong: null };
  return {
    bytes: null,
    wrong: `the blob of its ${name} was changed: SHA-256 ${found} instead of ${digest}`,
  };
}

function isOfRollout({ data }: RecordedEntry, rolloutId: string): boolean {
  return isObject(data) && data['rolloutId'] === rolloutId;
}

/** ` in sentence, verdict`; empty when one of them has no fields. */
function fieldsThatDiffer(recorded: JsonValue, replayed: JsonValue): string {
  if (!isObject(recorded) || !isObject(replayed)) return '';
  const names = new Set([...Object.keys(recorded), ...Object.keys(replayed)]);
  const textOf = (value: JsonValue | undefined): string | null =>
    value === undefined ? null : canonicalJson(value);
  const differing = [...names].filter((name) => textOf(recorded[name]) !== textOf(replayed[name]));
  return ` in ${differing.toSorted().join(', ')}`;
}

function isObject(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
