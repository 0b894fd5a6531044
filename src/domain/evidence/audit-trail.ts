import { checkApprovalEntry } from './approval/approval-entry.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { KeyDirectory } from './key-directory.ts';
import { readLogKeysEvent } from './log-keys.ts';
import { isPersonEvent, readEnrolment, readPersonEvent } from './approval/person-enrolment.ts';
import { requestSha256 } from './approval/approval.ts';
import type { EntryType } from './statement.ts';

/** An entry for people who ask who did what, when, and why. Empty texts: the entry says nothing of it. */
export interface AuditRow {
  readonly index: number;
  /** ISO 8601 in UTC, by the writer's clock. */
  readonly at: string;
  readonly type: EntryType;
  readonly service: string;
  readonly rolloutId: string;
  /** Who did it; the server's own decisions have none. */
  readonly person: string;
  readonly action: string;
  /** In the person's words. */
  readonly reason: string;
  readonly sentence: string;
  readonly leafHash: string;
}

export const auditColumns = [
  'index',
  'at',
  'type',
  'service',
  'rolloutId',
  'person',
  'action',
  'reason',
  'sentence',
  'leafHash',
] as const satisfies readonly (keyof AuditRow)[];

/** Null: any. */
export interface AuditQuery {
  readonly person: string | null;
  readonly service: string | null;
  readonly sinceMs: number | null;
  /** Up to and with this time. */
  readonly untilMs: number | null;
}

export interface AuditedEntry {
  readonly index: number;
  readonly leafHash: string;
  readonly type: EntryType;
  readonly observedAtMs: number;
  readonly data: JsonValue;
}

/**
 * Reads a whole ledger from its first entry on, as who an approval is by stands in the key events before it. It keeps the people's
 * keys and the newest requests for approvals, however long the ledger is.
 */
export class AuditTrail {
  readonly #query: AuditQuery;
  readonly #timeText: (atMs: number) => string;
  readonly #keys = new KeyDirectory();
  readonly #requests = new Map<string, { readonly service: string; readonly rolloutId: string }>();

  /** `timeText`: a time as ISO 8601 in UTC. */
  constructor(query: AuditQuery, timeText: (atMs: number) => string) {
    this.#query = query;
    this.#timeText = timeText;
  }

  /** Null: it is not asked for. Throws an EvidenceError for an entry that a verification would refuse. */
  row(entry: AuditedEntry): AuditRow | null {
    const row = this.#rowOf(entry);
    const { person, service, sinceMs, untilMs } = this.#query;
    const isWanted =
      (person === null || row.person === person) &&
      (service === null || row.service === service) &&
      (sinceMs === null || entry.observedAtMs >= sinceMs) &&
      (untilMs === null || entry.observedAtMs <= untilMs);
    return isWanted ? row : null;
  }

  #rowOf(entry: AuditedEntry): AuditRow {
    const { index, leafHash, type, observedAtMs, data } = entry;
    const head = { index, at: this.#timeText(observedAtMs), type };
    if (type === 'key-event') return { ...head, ...this.#keyEvent(index, data), leafHash };
    if (type === 'approval') return { ...head, ...this.#approval(index, data), leafHash };
    const record = isObject(data) ? data : {};
    const by = isObject(record['by']) ? record['by'] : {};
    const service = textOf(record['service']);
    const rolloutId = textOf(record['rolloutId']);
    if (type === 'approval-request') this.#remember(requestSha256(data), { service, rolloutId });
    return {
      ...head,
      service,
      rolloutId,
      person: textOf(by['who']),
      action: textOf(record['decision']),
      reason: textOf(by['why']),
      sentence: textOf(record['sentence']),
      leafHash,
    };
  }

  #keyEvent(index: number, data: JsonValue): Said {
    this.#keys.apply(index, data);
    const none = { service: '', rolloutId: '' };
    if (isPersonEvent(data)) {
      const event = readPersonEvent(data);
      const { by: person, action } = event;
      switch (event.action) {
        case 'enrol-person': {
          const name = readEnrolment(event.enrolment).person;
          const sentence = `${name} is enrolled with the roles ${event.roles.join(', ') || 'none'}`;
          return { ...none, person, action, reason: '', sentence };
        }
        case 'assign-roles': {
          const sentence = `${event.person} has the roles ${event.roles.join(', ') || 'none'}`;
          return { ...none, person, action, reason: '', sentence };
        }
        case 'revoke-person': {
          const sentence = `key ${event.keyId} is revoked`;
          return { ...none, person, action, reason: event.reason, sentence };
        }
      }
    }
    const set = readLogKeysEvent(data);
    if (set?.action === 'rotate-keys') {
      const { by: person, reason, action } = set;
      return {
        ...none,
        person,
        action,
        reason,
        sentence: "the ledger's keys are others from here",
      };
    }
    const action = isObject(data) ? textOf(data['action']) : '';
    return { ...none, person: '', action, reason: '', sentence: "a key of the ledger's writer" };
  }

  #approval(index: number, data: JsonValue): Said {
    const { person, approval } = checkApprovalEntry(index, data, this.#keys.people);
    const { verdict, role, reason, requestSha256: sha256 } = approval;
    const of = this.#requests.get(sha256) ?? { service: '', rolloutId: '' };
    const sentence = `${person} says ${verdict} as ${role}`;
    return { ...of, person, action: verdict, reason, sentence };
  }

  #remember(sha256: string, of: { readonly service: string; readonly rolloutId: string }): void {
    this.#requests.set(sha256, of);
    if (this.#requests.size <= MAX_REQUESTS) return;
    const [oldest] = this.#requests.keys();
    if (oldest !== undefined) this.#requests.delete(oldest);
  }
}

type Said = Omit<AuditRow, 'index' | 'at' | 'type' | 'leafHash'>;

/** An approval comes while its request is open: far fewer are at any time. */
const MAX_REQUESTS = 10_000;

/**
 * A line of RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it: who may write a reason must
 * not run anything on the machine of who reads it.
 */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(value: string | number): string {
  if (typeof value === 'number') return `${value}`;
  const harmless = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  if (value === undefined || value === null || Array.isArray(value)) return false;
  return typeof value === 'object';
}
