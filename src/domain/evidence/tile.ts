import { EvidenceError } from './canonical-json.ts';
import { HASH_BYTES } from './digest.ts';
import type { Hash } from './digest.ts';

/**
 * The files of a log (c2sp.org/tlog-tiles): tiles of 256 hashes at heights 0, 8, 16..., and bundles of 256 entries.
 *
 *   tile/0/x001/234            leaf hashes 1234 * 256 and the 255 after it
 *   tile/1/000.p/17            the roots of the first 17 full tiles of level 0
 *   tile/entries/000           the first 256 entries, each after its length in two bytes
 *
 * A partial tile (`.p/<width>`) stands only at the right edge and is never hashed into the level above.
 */
export const TILE_WIDTH = 256;

/** A level is at most 63 and a tree of 2^53 leaves has 7. */
export interface Tile {
  readonly level: number | 'entries';
  readonly index: number;
  /** 1-256; 256 is a full tile. */
  readonly width: number;
}

/** Every tile and bundle that a checkpoint of this size needs. */
export function* tilesOf(size: number): Generator<Tile> {
  yield* tilesOfLevel('entries', size);
  let hashes = size;
  for (let level = 0; hashes > 0; level += 1) {
    yield* tilesOfLevel(level, hashes);
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
}

/** The tiles of one level of a tree; `hashes` is how many hashes (or entries) the level has. */
export function* tilesOfLevel(level: Tile['level'], hashes: number): Generator<Tile> {
  for (let index = 0; index * TILE_WIDTH < hashes; index += 1) {
    yield { level, index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) };
  }
}

/** Relative path: three digits to a folder, all but the last with an x before them. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = `${index}`.padStart(Math.ceil(`${index}`.length / 3) * 3, '0');
  const parts = digits.match(/\d{3}/g) ?? [];
  const last = parts.length - 1;
  const number = parts.map((part, at) => (at === last ? part : `x${part}`)).join('/');
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`;
  return `tile/${level}/${number}${partial}`;
}

export function encodeTile(hashes: readonly Hash[]): Uint8Array {
  return Buffer.concat(hashes);
}

/** Throws an EvidenceError unless there are exactly `width` hashes. */
export function decodeTile(bytes: Uint8Array, width: number): readonly Hash[] {
  if (bytes.length !== width * HASH_BYTES) {
    throw new EvidenceError(`it has ${bytes.length} bytes, not ${width} hashes of ${HASH_BYTES}`);
  }
  return Array.from({ length: width }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(entries.flatMap((entry) => [lengthOf(entry), entry]));
}

/** Throws an EvidenceError unless the bytes are exactly `width` entries. */
export function decodeBundle(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width) {
    const start = at + 2;
    const end = start <= view.length ? start + view.readUInt16BE(at) : Infinity;
    if (end > view.length) {
      throw new EvidenceError(`it is cut off after ${entries.length} of ${width} entries`);
    }
    entries.push(view.subarray(start, end));
    at = end;
  }
  if (at !== view.length) {
    throw new EvidenceError(`${view.length - at} bytes come after its ${width} entries`);
  }
  return entries;
}

/** uint16, big-endian. An entry of ours has at most 60 KiB, so it always fits. */
function lengthOf(entry: Uint8Array): Uint8Array {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(entry.length);
  return length;
}
