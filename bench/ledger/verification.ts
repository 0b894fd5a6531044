import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { openLogNoteSigners } from '../../src/adapters/system/note-signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { verifyFolder } from '../../src/apps/verify/verify-folder.ts';
import { Checkpointer, logPolicyLines } from '../../src/control/ledger/checkpointer.ts';
import { exportTiles } from '../../src/control/ledger/ledger-tiles.ts';
import { originOf } from '../../src/domain/evidence/export-format.ts';
import { leafFacts } from '../../src/domain/evidence/leaf-facts.ts';
import { readLeaf } from '../../src/domain/evidence/leaf.ts';
import { parsePolicy } from '../../src/domain/evidence/trust-policy.ts';
import type { TrustPolicy } from '../../src/domain/evidence/trust-policy.ts';
import { LedgerVerification } from '../../src/domain/evidence/verify-ledger.ts';
import { medianOf } from '../form.ts';
import { fillLedger } from './filled-ledger.ts';
import type { FilledLedger } from './filled-ledger.ts';

export interface VerificationRates {
  readonly barePerSecond: number;
  readonly fullPerSecond: number;
  /** Processor time of the bare signatures over that of the full verification, one core; median of the rounds. */
  readonly overBare: number | null;
  readonly oneWorkerPerSecond: number;
  readonly twoWorkersPerSecond: number;
}

/** Of one core's comparison, which takes each entry several times. */
const SAMPLE_ENTRIES = 4_000;
const ROUNDS = 7;

/** Leaves the database and its export in `folder`. */
export async function measureVerification(
  folder: string,
  count: number,
  signal: AbortSignal,
): Promise<VerificationRates> {
  await using ledger = await fillLedger(folder, count, signal);
  const policy = await exportLedger(folder, ledger, signal);
  const core = await compareOnOneCore(ledger, signal);
  const perSecond = async (workers: number): Promise<number> => {
    const startedMs = performance.now();
    const result = await verifyFolder({
      folder: join(folder, 'export'),
      policy,
      strictness: 'strict',
      workers,
      onProgress: () => undefined,
    });
    if (!result.valid) throw new Error(`the export does not verify: ${result.problem}`);
    return (count * 1_000) / (performance.now() - startedMs);
  };
  return {
    ...core,
    oneWorkerPerSecond: await perSecond(1),
    twoWorkersPerSecond: await perSecond(2),
  };
}

/** The policy that trusts it. */
async function exportLedger(
  folder: string,
  { store }: FilledLedger,
  signal: AbortSignal,
): Promise<TrustPolicy> {
  const signers = await openLogNoteSigners(join(folder, 'keys'));
  const { note, size } = await new Checkpointer({
    store,
    tree: store,
    signers: () => signers,
    witnesses: [],
    quorum: { kind: 'none' },
    clock: new SystemClock({ notBeforeMs: 0 }),
    onProblem: () => undefined,
  }).make(signal);
  for await (const file of exportTiles(store, { size, isThere: () => false }, signal)) {
    await write(join(folder, 'export', file.path), file.bytes);
  }
  await write(join(folder, 'export', 'checkpoint'), Buffer.from(note));
  let origin = '';
  for await (const { leafHash } of store.read({ fromIndex: 0, stream: null }, signal)) {
    origin = originOf(leafHash);
    break;
  }
  return parsePolicy(`${logPolicyLines(origin, signers).join('\n')}\nquorum none\n`);
}

async function compareOnOneCore({ store, signer }: FilledLedger, signal: AbortSignal) {
  const leaves: Uint8Array[] = [];
  for await (const { leaf } of store.read({ fromIndex: 0, stream: null }, signal)) {
    leaves.push(leaf);
    if (leaves.length === SAMPLE_ENTRIES) break;
  }
  const spki = Buffer.from(signer.publicKey);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const read = leaves.map(readLeaf);
  const bare = (): void => {
    for (const { signedBytes, signature } of read) verify(null, signedBytes, key, signature);
  };
  const keys = new Map<string, KeyObject>([[signer.keyId, key]]);
  const full = (): void => {
    const check = new LedgerVerification({ trustedKeyId: signer.keyId });
    for (const leaf of leaves) check.addFacts(leafFacts(leaf, keys));
    if (!check.finish().valid) throw new Error('the entries do not verify');
  };
  const times = Array.from({ length: ROUNDS }, () => [cpuMs(bare), cpuMs(full)] as const).slice(1);
  const bareMs = medianOf(times.map(([ms]) => ms)) ?? Number.NaN;
  const fullMs = medianOf(times.map(([, ms]) => ms)) ?? Number.NaN;
  return {
    barePerSecond: (leaves.length * 1_000) / bareMs,
    fullPerSecond: (leaves.length * 1_000) / fullMs,
    overBare: medianOf(times.map(([one, other]) => one / other)),
  };
}

function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
