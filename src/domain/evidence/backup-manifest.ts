import { canonicalJson, EvidenceError } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { envelopeText, preAuthenticationEncoding, readEnvelope } from './envelope.ts';
import type { Envelope } from './envelope.ts';
import { readArray, readCount, readObject, readSha256, readText } from './read-json.ts';

/**
 * What a backup consists of, signed with the ledger's key:
 *
 *   manifest.json            this: the newest checkpoint, and each file with its size and digest
 *   tile/…, checkpoint       the ledger, as any export of it (c2sp.org/tlog-tiles)
 *   inputs/000               what the entries of bundle 000 were decided from (input-pack.ts)
 *   checkpoints/<size>-<…>   earlier checkpoints that are kept for good
 *   blobs/<..>/<sha256>      blobs of the state folder
 *
 * A file never changes once a manifest names it, and the manifest is replaced as a whole, last: a backup that is killed leaves the
 * one before it as it was.
 */
export interface BackupManifest {
  readonly origin: string;
  readonly size: number;
  /** Hex root over the first `size` entries. */
  readonly root: string;
  /** The newest checkpoint, over exactly `size` entries. */
  readonly checkpoint: { readonly note: string; readonly isKept: boolean };
  /** c2sp.org/tlog-policy lines of the keys that sign this ledger's checkpoints, and the witnesses it had. */
  readonly policy: string;
  /** Settings the server remembers: texts of files of the state folder, by their names. */
  readonly settings: Readonly<Record<string, string>>;
  readonly projections: Projections;
  readonly madeAtMs: number;
  /** Of the program that made it. */
  readonly version: string;
  /** By path, ascending. */
  readonly files: readonly BackupFile[];
}

/** Digests of what is derived from the entries: hex SHA-256 of its canonical JSON. */
export interface Projections {
  /** What the recorder has to know to write the next entry. */
  readonly index: string;
  /** The state of every service. */
  readonly services: string;
}

export interface BackupFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export const MANIFEST_FILE = 'manifest.json';
export const MANIFEST_TYPE = 'application/vnd.tidegate.backup-manifest.v1+json';

/** Some 500,000 files: a ledger of a hundred million entries. */
export const MAX_MANIFEST_BYTES = 128 * 1024 * 1024;

const BACKUP_FORMAT = 'tidegate-backup/v1';
const FILE_PATH =
  /^(?:tile|inputs|checkpoints|blobs|config)(?:\/[0-9a-z](?:[0-9a-z.-]*[0-9a-z])?)+$/;
const SETTINGS_NAME = /^[a-z]+\.json$/;
const MANIFEST_KEYS = [
  'checkpoint',
  'files',
  'format',
  'madeAtMs',
  'origin',
  'policy',
  'projections',
  'root',
  'settings',
  'size',
  'version',
];

export interface UnsignedManifest {
  readonly payload: Uint8Array;
  readonly signedBytes: Uint8Array;
}

export function unsignedManifest(manifest: BackupManifest): UnsignedManifest {
  const payload = Buffer.from(canonicalJson({ format: BACKUP_FORMAT, ...manifest }));
  return { payload, signedBytes: preAuthenticationEncoding(MANIFEST_TYPE, payload) };
}

export function manifestText(
  { payload }: UnsignedManifest,
  keyId: string,
  signature: Uint8Array,
): string {
  return `${envelopeText({ payloadType: MANIFEST_TYPE, payload, keyId, signature })}\n`;
}

export interface SignedManifest {
  readonly manifest: BackupManifest;
  readonly envelope: Envelope;
}

/** Throws an EvidenceError. The signature is not checked here: the ledger says which key may have made it. */
export function readManifest(text: string): SignedManifest {
  if (!text.endsWith('}\n')) throw new EvidenceError('it was cut off');
  const envelope = readEnvelope(text.slice(0, -1));
  if (envelope.payloadType !== MANIFEST_TYPE) {
    throw new EvidenceError(`payloadType ${envelope.payloadType} is not ${MANIFEST_TYPE}`);
  }
  return { manifest: manifestOf(envelope.payload), envelope };
}

function manifestOf(payload: JsonValue): BackupManifest {
  const whole = readObject(payload, MANIFEST_KEYS, 'the manifest');
  if (whole['format'] !== BACKUP_FORMAT) {
    throw new EvidenceError(`the format is not ${BACKUP_FORMAT}; a newer program may read it`);
  }
  const checkpoint = readObject(whole['checkpoint'], ['isKept', 'note'], 'checkpoint');
  const projections = readObject(whole['projections'], ['index', 'services'], 'projections');
  return {
    origin: readText(whole['origin'], 'origin'),
    size: readCount(whole['size'], 'size'),
    root: readSha256(whole['root'], 'root'),
    checkpoint: {
      note: readText(checkpoint['note'], 'checkpoint.note'),
      isKept: checkpoint['isKept'] === true,
    },
    policy: readText(whole['policy'], 'policy'),
    settings: readSettings(whole['settings']),
    projections: {
      index: readSha256(projections['index'], 'projections.index'),
      services: readSha256(projections['services'], 'projections.services'),
    },
    madeAtMs: readCount(whole['madeAtMs'], 'madeAtMs'),
    version: readText(whole['version'], 'version'),
    files: readFiles(whole['files']),
  };
}

function readSettings(value: JsonValue | undefined): Readonly<Record<string, string>> {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const settings = readObject(value, names, 'settings');
  const texts = names.map((name): [string, string] => {
    // A name that leads elsewhere would be written there at a restore.
    if (!SETTINGS_NAME.test(name)) throw new EvidenceError(`settings have the name ${name}`);
    return [name, readText(settings[name], name)];
  });
  return Object.fromEntries(texts);
}

function readFiles(value: JsonValue | undefined): readonly BackupFile[] {
  let before = '';
  return readArray(value, 'files').map((each) => {
    const file = readObject(each, ['path', 'sha256', 'sizeBytes'], 'a file');
    const path = readText(file['path'], "a file's path");
    if (!FILE_PATH.test(path)) throw new EvidenceError(`no backup has a file ${path}`);
    if (path <= before) throw new EvidenceError(`the file ${path} is not in order`);
    before = path;
    return {
      path,
      sizeBytes: readCount(file['sizeBytes'], `the size of ${path}`),
      sha256: readSha256(file['sha256'], `the digest of ${path}`),
    };
  });
}
