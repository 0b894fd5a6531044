import type { EventView } from '../../../api/wire.ts';
import { readApproval } from '../../../domain/evidence/approval/approval.ts';
import { type BlobAction, readBlobEvent } from '../../../domain/evidence/blob-event.ts';
import type { JsonValue } from '../../../domain/evidence/canonical-json.ts';
import { readEnrolment } from '../../../domain/evidence/approval/person-enrolment.ts';
import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import type { ReleaseRecord } from '../../../domain/release/service-state.ts';
import { timeText } from './time-text.ts';

/** A ledger entry as people read it. Key events carry no sentence, so that one is made here. */
export function eventView(entry: RecordedEntry): EventView {
  const data = isObject(entry.data) ? entry.data : {};
  const by = data['by'];
  return {
    index: entry.index,
    at: timeText(entry.observedAtMs),
    type: entry.type,
    service: textOf(data['service']),
    rolloutId: textOf(data['rolloutId']),
    decision: textOf(data['decision']),
    weightPercent: typeof data['weightPercent'] === 'number' ? data['weightPercent'] : null,
    by:
      isObject(by) && typeof by['who'] === 'string'
        ? { who: by['who'], why: textOf(by['why']) }
        : null,
    severity: severityOf(entry.type, textOf(data['decision'])),
    sentence:
      textOf(data['sentence']) ??
      keySentence(data) ??
      approvalSentence(entry) ??
      blobSentence(entry) ??
      entry.type,
  };
}

/** A record that has just become an entry. */
export function recordView(record: ReleaseRecord, index: number): EventView {
  return {
    index,
    at: timeText(record.atMs),
    type: record.type,
    service: record.service,
    rolloutId: record.rolloutId,
    decision: record.decision,
    weightPercent: record.weightPercent,
    by: record.by === null ? null : { ...record.by },
    severity: severityOf(record.type, record.decision),
    sentence: record.sentence,
  };
}

function severityOf(type: string, decision: string | null): EventView['severity'] {
  return decision === 'alert' || type === 'override' ? 'warning' : 'info';
}

function approvalSentence({ type, data }: RecordedEntry): string | null {
  const envelope = type === 'approval' && isObject(data) ? textOf(data['envelope']) : null;
  if (envelope === null) return null;
  const { verdict, role, reason } = readApproval(envelope).approval;
  return `${verdict} as ${role}: ${reason}`;
}

const blobWords: Readonly<Record<BlobAction, string>> = {
  stored: 'kept beside the ledger',
  'not-stored': 'not kept beside the ledger',
  retired: 'deleted after their time',
};

function blobSentence({ type, data }: RecordedEntry): string | null {
  if (type !== 'blob-event') return null;
  const { action, blobs, reason } = readBlobEvent(data);
  const names = blobs.map(({ name, sizeBytes }) => `${name} (${sizeBytes} bytes)`).join(', ');
  return `${blobWords[action]}: ${names}${reason === null ? '' : `; ${reason}`}`;
}

function keySentence(data: { readonly [key: string]: JsonValue }): string | null {
  if (data['action'] === 'enrol-person') {
    const { person } = readEnrolment(textOf(data['enrolment']) ?? '');
    return `${person} may sign approvals, by ${textOf(data['by'])}`;
  }
  if (data['action'] === 'assign-roles') {
    return `${textOf(data['person'])} has other roles, by ${textOf(data['by'])}`;
  }
  if (data['action'] === 'enrol-keys') {
    return 'what decides is signed with ML-DSA-65 as well from here on';
  }
  if (data['action'] === 'rotate-keys') {
    return `the ledger's keys are others from here on, by ${textOf(data['by'])}: ${textOf(data['reason'])}`;
  }
  const keyId = textOf(data['keyId']);
  if (keyId === null) return null;
  if (data['action'] === 'revoke-person') {
    return `key ${keyId} signs no approvals any more, by ${textOf(data['by'])}`;
  }
  if (data['action'] === 'enrol') return `entries from here on are signed with key ${keyId}`;
  return data['action'] === 'revoke' ? `key ${keyId} was revoked` : null;
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
