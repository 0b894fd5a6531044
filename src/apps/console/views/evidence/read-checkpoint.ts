import {
  type Algorithm,
  base64,
  hex,
  isSigned,
  joined,
  sha256,
  uint64,
  Unproven,
  utf8,
} from './proof-bytes.ts';

/** Signed notes and their keys: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature. */
export interface LogKey {
  readonly name: string;
  /** Eight hex digits. */
  readonly keyId: string;
  readonly algorithm: Extract<Algorithm, 'ed25519' | 'ml-dsa-44'>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array<ArrayBuffer>;
  /** What Ed25519 signs. */
  readonly text: string;
  readonly lines: readonly SignatureLine[];
}

export interface SignatureLine {
  readonly name: string;
  readonly keyId: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

const policyLine = /^log ([^ +]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)(?: \S+)?$/;

/** The log's keys in a policy (c2sp.org/tlog-policy); its other lines are of witnesses, who are not verified here. */
export async function readLogKeys(policy: readonly string[]): Promise<readonly LogKey[]> {
  const keys: LogKey[] = [];
  for (const line of policy.map((each) => each.trim())) {
    if (!line.startsWith('log ')) continue;
    const [, name = '', keyId = '', encoded = ''] = policyLine.exec(line) ?? [];
    if (name === '') throw new Unproven(`the policy's line is no key of a log: ${line}`);
    const material = base64(encoded, 'a key of the policy');
    const algorithm = algorithmOf(material);
    const found = hex((await sha256(joined(utf8(`${name}\n`), material))).subarray(0, 4));
    if (found !== keyId) throw new Unproven(`the policy's key ${keyId} has the id ${found}`);
    keys.push({ name, keyId, algorithm, bytes: material.slice(1) });
  }
  if (keys.length === 0) throw new Unproven('the policy names no key of a log');
  return keys;
}

function algorithmOf(material: Uint8Array): LogKey['algorithm'] {
  if (material[0] === 1 && material.length === 33) return 'ed25519';
  if (material[0] === 6 && material.length === 1313) return 'ml-dsa-44';
  throw new Unproven('a key of the policy is neither Ed25519 nor ML-DSA-44');
}

/** Nothing is verified here. */
export function readCheckpoint(note: string): Checkpoint {
  const split = note.lastIndexOf('\n\n');
  const text = note.slice(0, split + 1);
  const [origin = '', size = '', root = '', ...rest] = text.split('\n');
  const isForm = split > 0 && note.endsWith('\n') && rest.length === 1 && rest[0] === '';
  if (!isForm || origin === '' || !/^(0|[1-9]\d{0,18})$/.test(size)) {
    throw new Unproven('the checkpoint is no signed note of origin, size and root');
  }
  const bytes = base64(root, "the checkpoint's root");
  if (bytes.length !== 32) throw new Unproven("the checkpoint's root has not 32 bytes");
  const lines = note
    .slice(split + 2, -1)
    .split('\n')
    .map(readLine);
  return { origin, size: BigInt(size), root: bytes, text, lines };
}

function readLine(line: string): SignatureLine {
  const [, name = '', encoded = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  const content = base64(encoded, 'a signature of the checkpoint');
  if (name === '' || content.length <= 4)
    throw new Unproven('a line of the checkpoint is no signature');
  return { name, keyId: hex(content.subarray(0, 4)), signature: content.slice(4) };
}

/** Whether the checkpoint has a line of this key, and it is over this checkpoint. */
export async function hasSigned(
  { name, keyId, algorithm, bytes }: LogKey,
  checkpoint: Checkpoint,
): Promise<'valid' | 'invalid' | 'missing'> {
  const line = checkpoint.lines.find((each) => each.name === name && each.keyId === keyId);
  if (line === undefined) return 'missing';
  const isEd25519 = algorithm === 'ed25519';
  const message = isEd25519 ? utf8(checkpoint.text) : subtreeMessage(name, checkpoint, line);
  const signature = isEd25519 ? line.signature : line.signature.slice(8);
  return (await isSigned(algorithm, bytes, message, signature)) ? 'valid' : 'invalid';
}

/** `cosigned_message` of tlog-cosignature for the whole tree; its time stands before the signature. */
function subtreeMessage(
  name: string,
  { origin, size, root }: Checkpoint,
  { signature }: SignatureLine,
): Uint8Array<ArrayBuffer> {
  return joined(
    utf8('subtree/v1\n\0'),
    shortText(name),
    signature.subarray(0, 8),
    shortText(origin),
    uint64(0n),
    uint64(size),
    root,
  );
}

function shortText(text: string): Uint8Array<ArrayBuffer> {
  const bytes = utf8(text);
  return joined(Uint8Array.of(bytes.length), bytes);
}
