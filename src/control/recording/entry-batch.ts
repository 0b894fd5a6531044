import type { JsonObject, JsonValue } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import {
  dutiesOf,
  type EvidencePlan,
  evidencePlanJson,
} from '../../domain/evidence/evidence-plan.ts';
import type { NamedDigest } from '../../domain/evidence/statement.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import type { ReleaseRecord, Rollout, ServiceState } from '../../domain/release/service-state.ts';
import { packEvents, packState } from './journal.ts';
import { eventsInput, stateInput, streamOfService } from './recovery.ts';
import type { Recorder } from './recorder.ts';

/**
 * A record as the ledger keeps it: the entry, the events it was decided from, and at turning points the state after it,
 * so that recovery starts there.
 */
export function entryBatch(from: {
  readonly record: ReleaseRecord;
  readonly events: readonly ReleaseEvent[];
  readonly state: ServiceState;
  /** Whom a promotion's traffic waits for now. */
  readonly witnesses?: WitnessesInForce;
}): Parameters<Recorder['record']>[0] {
  const { record, events, state, witnesses = noWitnesses } = from;
  const isTurningPoint = record.decision !== 'progress';
  return {
    stream: streamOfService(record.service),
    entries: [
      {
        type: record.type,
        subjects: subjectsOf(record, state),
        idempotencyKey: `${record.service}/${state.recordCount}`,
        data: recordJson(record, { witnesses, rolloutKind: state.rollout?.kind ?? null }),
      },
    ],
    blobs: [
      ...(events.length === 0 ? [] : [{ name: eventsInput, bytes: packEvents(events) }]),
      ...(isTurningPoint ? [{ name: stateInput, bytes: packState(state) }] : []),
    ],
  };
}

export type WitnessesInForce = EvidencePlan['witnesses'];

export const noWitnesses: WitnessesInForce = { mode: 'off', quorum: 'no witness' };

/** What an entry says besides its record. */
export interface BesideRecord {
  readonly witnesses: WitnessesInForce;
  /** Null: there is no rollout. */
  readonly rolloutKind: Rollout['kind'] | null;
}

/**
 * A record as its entry has it: what begins a rollout says what has to follow, too, and what ends an undo says that it was one, since
 * nothing else in that entry tells a way back by a person from a way forth.
 */
export function recordJson(record: ReleaseRecord, beside: BesideRecord): JsonValue {
  const plain = plainJson(record);
  const { type, decision, plan } = record;
  if (decision === 'promoted' && beside.rolloutKind === 'undo') {
    return { ...(plain as JsonObject), rolloutKind: 'undo' };
  }
  if (type !== 'release-plan' || plan === null) return plain;
  const evidence = evidencePlanJson({ must: dutiesOf(plan), witnesses: beside.witnesses });
  return { ...(plain as JsonObject), evidence };
}

/** Records and states are plain data; this drops what JSON has no word for and nothing else. */
export function plainJson(value: ReleaseRecord | ServiceState | null): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

/** What the entry is about: the candidate and what it came from, or the service when there is no revision yet. */
function subjectsOf(record: ReleaseRecord, state: ServiceState): readonly NamedDigest[] {
  const known = [state.rollout?.candidate, state.rollout?.stable, ...state.stables];
  const subjects = [record.toRevisionId, record.fromRevisionId].flatMap((id) => {
    const revision = known.find((each) => each?.id === id);
    return revision === undefined || revision === null
      ? []
      : [{ name: revision.id, sha256: revision.digest }];
  });
  if (subjects.length > 0) return subjects;
  return [{ name: record.service, sha256: sha256Hex(new TextEncoder().encode(record.service)) }];
}
