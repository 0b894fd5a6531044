import { randomBytes } from 'node:crypto';

/** For keyed hashes, see ClientVotes. */
export function randomKey(): readonly [number, number] {
  const bytes = randomBytes(8);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}
