import type { JsonObject, JsonValue } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import type { EntryType } from './statement.ts';

/**
 * What happened to services, in the words of CDEvents 0.4.1 (cdevents.dev) as CloudEvents 1.0 in structured JSON: for programs that
 * know nothing of Tidegate. Each is made of one entry, and the same entry always makes the same events, so a receiver that gets one
 * twice knows it by source and id.
 *
 *   promoted, nothing before it        service.deployed, service.published
 *   promoted                           service.upgraded, service.published
 *   promoted, by an undo               service.rolledback, service.published: a person took users back to what they had before
 *   rolled-back, stable before it      service.rolledback
 *   delete                             service.removed
 *   alert, alert-over of a rollout     incident.detected, incident.resolved
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: JsonObject & { readonly customData: CustomData };
}

/** Where the event comes from, for who wants to check it. */
export interface CustomData extends JsonObject {
  readonly entryIndex: number;
  readonly leafHash: string;
  readonly service: string;
  readonly rolloutId: string | null;
  readonly sentence: string;
}

export const CDEVENTS_VERSION = '0.4.1';

export interface EventSource {
  /** The ledger's origin: with it an event's id is unique in the world. */
  readonly origin: string;
  /** Where the services run, by a name that people know it by. */
  readonly environment: string;
  /** A time as RFC 3339. */
  readonly timeText: (atMs: number) => string;
}

export interface EventfulEntry {
  readonly index: number;
  readonly leafHash: string;
  readonly type: EntryType;
  readonly observedAtMs: number;
  readonly data: JsonValue;
}

export function cloudEventsOf(entry: EventfulEntry, source: EventSource): readonly CloudEvent[] {
  const { data } = entry;
  if (!isObject(data)) return [];
  const service = textOf(data['service']);
  if (service === null) return [];
  const about = { data, service };
  return kindsOf(data).map((kind) => eventOf(entry, source, { ...about, kind }));
}

/** Subject, predicate and the version of the event's own schema in that release of the specification. */
type Kind =
  | 'service.deployed.0.2.0'
  | 'service.upgraded.0.2.0'
  | 'service.rolledback.0.2.0'
  | 'service.removed.0.2.0'
  | 'service.published.0.2.0'
  | 'incident.detected.0.2.0'
  | 'incident.resolved.0.2.0';

function kindsOf(data: JsonObject): readonly Kind[] {
  const from = textOf(data['fromRevisionId']);
  const decision = textOf(data['decision']) ?? '';
  switch (decision) {
    case 'promoted': {
      const isFirst = from === null || from === textOf(data['toRevisionId']);
      const arrived = isUndo(data) ? 'service.rolledback.0.2.0' : 'service.upgraded.0.2.0';
      return [isFirst ? 'service.deployed.0.2.0' : arrived, 'service.published.0.2.0'];
    }
    case 'rolled-back':
      return from === null ? ['service.removed.0.2.0'] : ['service.rolledback.0.2.0'];
    case 'delete':
      return ['service.removed.0.2.0'];
    case 'alert':
      return ['incident.detected.0.2.0'];
    case 'alert-over':
      return ['incident.resolved.0.2.0'];
    default:
      return [];
  }
}

/** Entries of programs before this one say no kind: their undos are upgrades. */
function isUndo(data: JsonObject): boolean {
  return textOf(data['decision']) === 'promoted' && data['rolloutKind'] === 'undo';
}

function eventOf(
  entry: EventfulEntry,
  { origin, environment, timeText }: EventSource,
  about: { readonly data: JsonObject; readonly service: string; readonly kind: Kind },
): CloudEvent {
  const { data, service, kind } = about;
  const rolloutId = textOf(data['rolloutId']);
  const type = `dev.cdevents.${kind}`;
  const id = `${entry.index}.${kind.split('.', 2).join('.')}`;
  const time = timeText(entry.observedAtMs);
  const isIncident = kind.startsWith('incident');
  const subject = isIncident ? `${rolloutId ?? service}/alert` : service;
  const context: JsonObject = {
    version: CDEVENTS_VERSION,
    id,
    source: origin,
    type,
    timestamp: time,
    ...(rolloutId === null ? {} : { chainId: chainIdOf(origin, rolloutId) }),
  };
  return {
    specversion: '1.0',
    id,
    source: origin,
    type,
    subject,
    time,
    datacontenttype: 'application/json',
    data: {
      context,
      subject: {
        id: subject,
        source: origin,
        type: isIncident ? 'incident' : 'service',
        content: contentOf(about, { id: environment, source: origin }),
      },
      customData: {
        entryIndex: entry.index,
        leafHash: entry.leafHash,
        service,
        rolloutId,
        sentence: textOf(data['sentence']) ?? '',
      },
      customDataContentType: 'application/json',
    },
  };
}

/** As the schema of each kind has it: no key more. */
function contentOf(
  {
    data,
    service,
    kind,
  }: { readonly data: JsonObject; readonly service: string; readonly kind: Kind },
  environment: JsonObject,
): JsonObject {
  const to = purlOf(service, textOf(data['toRevisionId']));
  switch (kind) {
    case 'service.deployed.0.2.0':
    case 'service.upgraded.0.2.0':
      return { environment, artifactId: to };
    case 'service.rolledback.0.2.0':
      // What users have now: an undo is a rollout to it, a way back leaves the candidate for it.
      return {
        environment,
        artifactId: isUndo(data) ? to : purlOf(service, textOf(data['fromRevisionId'])),
      };
    case 'service.published.0.2.0':
    case 'service.removed.0.2.0':
      return { environment };
    case 'incident.detected.0.2.0':
    case 'incident.resolved.0.2.0':
      return {
        description: textOf(data['sentence']) ?? '',
        environment,
        service: { id: service, source: stringOf(environment['source']) },
        artifactId: to,
      };
  }
}

/** A package URL: a revision is named by the hash of its content already. */
function purlOf(service: string, revisionId: string | null): string {
  const version = revisionId === null ? 'unknown' : revisionId.slice(service.length + 1);
  return `pkg:generic/${encodeURIComponent(service)}@${encodeURIComponent(version)}`;
}

/** All events of a rollout are one chain. A UUID of version 8 (RFC 9562 section 5.8), made of the names. */
function chainIdOf(origin: string, rolloutId: string): string {
  const hex = sha256Hex(`${origin}\n${rolloutId}`);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

function stringOf(value: JsonValue | undefined): string {
  return textOf(value) ?? '';
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
