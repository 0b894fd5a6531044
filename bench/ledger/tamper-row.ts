import { verifyFolder } from '../../src/apps/verify/verify-folder.ts';
import { parsePolicy } from '../../src/domain/evidence/trust-policy.ts';

/** What came of one kind of tampering. */
export interface TamperRow {
  readonly name: string;
  readonly tried: number;
  /** Believed, and rightly: it still says the same. */
  readonly harmless: number;
  /** Believed by the strict policy although something else is in it. */
  readonly missed: number;
  /** Null: not tried. */
  readonly missedLenient: number | null;
  /** By a strict policy that asks for no witness. Null: not tried. */
  readonly missedUnwitnessed: number | null;
}

export interface TamperWork {
  readonly folder: string;
  /** Of the counts; 1: all. */
  readonly share: number;
  readonly counts: TamperTries;
  readonly signal: AbortSignal;
  /** Called with each row as it is done. */
  readonly add: (row: TamperRow) => void;
}

export interface TamperTries {
  readonly flips: number;
  readonly edits: number;
  readonly truncations: number;
}

/** Whether an export verifies by the policy. In this thread: to start one takes longer than to verify so little. */
export async function isBelieved(
  folder: string,
  policyText: string,
  strictness: 'strict' | 'lenient' = 'strict',
): Promise<boolean> {
  const policy = parsePolicy(policyText);
  const onProgress = (): void => undefined;
  return (await verifyFolder({ folder, policy, strictness, workers: 0, onProgress })).valid;
}

export function flippedBit(bytes: Uint8Array, random: () => number): Buffer {
  const changed = Buffer.from(bytes);
  const bit = Math.floor(random() * changed.length * 8);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
