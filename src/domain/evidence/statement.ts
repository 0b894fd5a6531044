import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { readArray, readCount, readObject, readSha256, readText } from './read-json.ts';

/** What the ledger can say. A type's URI is `https://tidegate.dev/evidence/<type>/v1`. */
export const ENTRY_TYPES = [
  'key-event',
  'release-plan',
  'gate-result',
  'decision',
  'deploy-outcome',
  'operator-action',
  'approval-request',
  'approval',
  'override',
  'instance-event',
  'service-change',
  'origin-event',
  'blob-event',
  'load-test',
] as const;

export type EntryType = (typeof ENTRY_TYPES)[number];

/**
 * What decides about users' traffic or about who may sign has to be provable for longer than Ed25519 may live, so it is signed with
 * ML-DSA-65 as well, from the entry after the one that enrols such a key. Approvals are, too: by the person, inside.
 */
export function isDecisive(type: EntryType): boolean {
  return DECISIVE.has(type);
}

const DECISIVE: ReadonlySet<EntryType> = new Set([
  'release-plan',
  'decision',
  'override',
  'operator-action',
  'key-event',
]);

/** Named bytes: what an entry is about (subject), or what it was made from (input, kept as a blob). */
export interface NamedDigest {
  readonly name: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface PreviousEntry {
  readonly index: number;
  readonly leafHash: string;
}

/** One entry's in-toto Statement v1, in our words. */
export interface Statement {
  readonly type: EntryType;
  /** At least one: in-toto's own tools refuse a statement about nothing. */
  readonly subjects: readonly NamedDigest[];
  readonly stream: string;
  /** Counts the entries of this stream from 1 without gaps. */
  readonly streamVersion: number;
  /** The entry before in the whole log, whatever its stream; null for entry 0 only. */
  readonly previous: PreviousEntry | null;
  /** By the writer's clock; never less than that of the entry before. */
  readonly observedAtMs: number;
  readonly collector: { readonly name: string; readonly version: string };
  readonly idempotencyKey: string;
  readonly inputs: readonly NamedDigest[];
  readonly data: JsonValue;
}

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const HEADER_KEYS = [
  'collector',
  'data',
  'idempotencyKey',
  'inputs',
  'observedAtMs',
  'previous',
  'stream',
  'streamVersion',
];
const TYPE_OF_URI = new Map(ENTRY_TYPES.map((type) => [predicateTypeOf(type), type]));

export function predicateTypeOf(type: EntryType): string {
  return `https://tidegate.dev/evidence/${type}/v1`;
}

/** As it is written in the payload. */
export function statementJson(statement: Statement): JsonObject {
  const { type, subjects, stream, streamVersion, previous, observedAtMs } = statement;
  return {
    _type: STATEMENT_TYPE,
    subject: subjects.map(descriptorJson),
    predicateType: predicateTypeOf(type),
    predicate: {
      stream,
      streamVersion,
      previous: previous === null ? null : { index: previous.index, leafHash: previous.leafHash },
      observedAtMs,
      collector: { name: statement.collector.name, version: statement.collector.version },
      idempotencyKey: statement.idempotencyKey,
      inputs: statement.inputs.map(descriptorJson),
      data: statement.data,
    },
  };
}

/** Strict inverse of `statementJson`; throws an EvidenceError. */
export function readStatement(value: JsonValue): Statement {
  const whole = readObject(
    value,
    ['_type', 'subject', 'predicateType', 'predicate'],
    'the statement',
  );
  if (whole['_type'] !== STATEMENT_TYPE) {
    throw new EvidenceError(`the statement's _type is not ${STATEMENT_TYPE}`);
  }
  const uri = readText(whole['predicateType'], 'predicateType');
  const type = TYPE_OF_URI.get(uri);
  if (type === undefined) throw new EvidenceError(`predicateType ${uri} is not known`);
  const subjects = readArray(whole['subject'], 'subject').map(readDescriptor);
  if (subjects.length === 0) throw new EvidenceError('the statement has no subject');
  return { type, subjects, ...readHeader(whole['predicate']) };
}

function readHeader(value: JsonValue | undefined): Omit<Statement, 'type' | 'subjects'> {
  const header = readObject(value, HEADER_KEYS, 'the predicate');
  const collector = readObject(header['collector'], ['name', 'version'], 'collector');
  const streamVersion = readCount(header['streamVersion'], 'streamVersion');
  return {
    stream: readText(header['stream'], 'stream'),
    streamVersion,
    previous: readPrevious(header['previous']),
    observedAtMs: readCount(header['observedAtMs'], 'observedAtMs'),
    collector: {
      name: readText(collector['name'], 'collector.name'),
      version: readText(collector['version'], 'collector.version'),
    },
    idempotencyKey: readText(header['idempotencyKey'], 'idempotencyKey'),
    inputs: readArray(header['inputs'], 'inputs').map(readDescriptor),
    data: header['data'] ?? null,
  };
}

function readPrevious(value: JsonValue | undefined): PreviousEntry | null {
  if (value === null) return null;
  const previous = readObject(value, ['index', 'leafHash'], 'previous');
  return {
    index: readCount(previous['index'], 'previous.index'),
    leafHash: readSha256(previous['leafHash'], 'previous.leafHash'),
  };
}

function descriptorJson(named: NamedDigest): JsonObject {
  return { name: named.name, digest: { sha256: named.sha256 } };
}

function readDescriptor(value: JsonValue): NamedDigest {
  const descriptor = readObject(value, ['name', 'digest'], 'a descriptor');
  const digest = readObject(descriptor['digest'], ['sha256'], 'a digest');
  return {
    name: readText(descriptor['name'], "a descriptor's name"),
    sha256: readSha256(digest['sha256'], "a descriptor's sha256"),
  };
}
