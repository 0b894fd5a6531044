import { EvidenceError } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { type Tile, tilePath } from './tile.ts';

/**
 * What the entries of one bundle were decided from, in one file: a line that names the format, then of each input a line with its
 * digest and size, and its bytes. Like its bundle it never changes once it is full, so a backup writes it once.
 */
export interface PackedInput {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

const FORMAT_LINE = Buffer.from('tidegate-inputs/v1\n');
const HEAD_LINE = /^([0-9a-f]{64}) (0|[1-9]\d{0,9})$/;
const MAX_HEAD_BYTES = 64 + 1 + 10;
const LINE_FEED = 10;

/** `inputs/000` beside `tile/entries/000`. */
export function packPath(bundle: Pick<Tile, 'index' | 'width'>): string {
  return tilePath({ ...bundle, level: 'entries' }).replace('tile/entries/', 'inputs/');
}

export function encodePack(inputs: readonly PackedInput[]): Uint8Array {
  const parts = inputs.flatMap(({ sha256, bytes }) => [
    Buffer.from(`${sha256} ${bytes.length}\n`),
    bytes,
  ]);
  return Buffer.concat([FORMAT_LINE, ...parts]);
}

/** Throws an EvidenceError unless it is such a file and each input has its digest. */
export function decodePack(bytes: Uint8Array): readonly PackedInput[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (!view.subarray(0, FORMAT_LINE.length).equals(FORMAT_LINE)) {
    throw new EvidenceError('its first line is not tidegate-inputs/v1');
  }
  const inputs: PackedInput[] = [];
  let at = FORMAT_LINE.length;
  while (at < view.length) {
    const end = view.subarray(0, at + MAX_HEAD_BYTES + 1).indexOf(LINE_FEED, at);
    const head = end === -1 ? null : HEAD_LINE.exec(view.toString('latin1', at, end));
    if (head === null) throw new EvidenceError(`no digest and size stand at byte ${at}`);
    const [, sha256 = '', size = ''] = head;
    const content = view.subarray(end + 1, end + 1 + Number(size));
    if (content.length !== Number(size)) throw new EvidenceError(`it is cut off in ${sha256}`);
    if (sha256Hex(content) !== sha256) {
      throw new EvidenceError(`the bytes of ${sha256} have another digest`);
    }
    inputs.push({ sha256, bytes: content });
    at = end + 1 + content.length;
  }
  return inputs;
}
