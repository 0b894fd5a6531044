import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { createMemoryPairSigner } from '../../adapters/memory/memory-signer.ts';
import { openNoteSigner } from '../../adapters/system/note-signing-key.ts';
import { Checkpointer, logPolicyLines } from '../../control/ledger/checkpointer.ts';
import { exportTiles } from '../../control/ledger/ledger-tiles.ts';
import { openRecorder, type Recorder } from '../../control/recording/recorder.ts';
import { Witnessing } from '../../control/ledger/witnessing.ts';
import { BLOB_STREAM, type BlobEvent, blobEventData } from '../../domain/evidence/blob-event.ts';
import { parseCheckpoint, signatureOf, signedMessage } from '../../domain/evidence/checkpoint.ts';
import { originOf } from '../../domain/evidence/export-format.ts';
import { formatVkey, noteKey, rawKeyOf } from '../../domain/evidence/note-key.ts';
import { parseNote } from '../../domain/evidence/signed-note.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import type { Witness } from '../../ports/witness.ts';

export interface ExportedLedger {
  readonly store: MemoryLedgerStore;
  readonly signers: readonly NoteSigner[];
  readonly policyText: string;
  readonly note: string;
  /** Writes the files of the export. */
  readonly writeTo: (folder: string) => Promise<void>;
}

/** A ledger of `count` entries with a checkpoint that a witness of this process has cosigned. `keys`: folder for its keys. */
export async function exportedLedger(
  keys: string,
  count: number,
  options: {
    readonly seed: number;
    readonly isWitnessed: boolean;
    readonly fork?: string;
    /** Whether what decides has two signatures. */
    readonly isPaired?: boolean;
    /** Entries after the others, in this order. */
    readonly blobEvents?: readonly BlobEvent[];
  },
): Promise<ExportedLedger> {
  const signal = AbortSignal.timeout(120_000);
  const mlDsa = await openNoteSigner(keys, 'checkpoint.pem', 'cosignature-ml-dsa-44');
  const pair = createMemoryPairSigner(Buffer.alloc(32, options.seed));
  const postQuantum = { ...pair.postQuantum, checkpointKey: mlDsa.publicKey };
  const { postQuantum: _, ...alone } = pair;
  const signer = options.isPaired === true ? { ...pair, postQuantum } : alone;
  const store = new MemoryLedgerStore();
  const clock = {
    nowMs: () => 1_700_000_000_000,
    sleep: () => Promise.reject(new Error('not needed')),
  };
  const recorder = await openRecorder(
    { store, tree: store, signer, clock, version: '0.1.0' },
    signal,
  );
  await fill(recorder, count, options.fork ?? '', signal);
  await recordBlobEvents(recorder, options.blobEvents ?? [], signal);
  const publicKey = rawKeyOf('ed25519', signer.publicKey);
  const ed25519: NoteSigner = { type: 'ed25519', publicKey, sign: (...of) => signer.sign(...of) };
  const signers = [ed25519, mlDsa];
  const witnessSigner = await openNoteSigner(keys, 'witness.pem', 'cosignature-ml-dsa-44');
  const witnessKey = noteKey('witness.example', witnessSigner.type, witnessSigner.publicKey);
  const [first] = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal));
  const origin = originOf(first?.leafHash ?? '');
  const policyText = [
    ...logPolicyLines(origin, signers),
    ...(options.isWitnessed
      ? [`witness w ${formatVkey(witnessKey)}`, 'quorum w']
      : ['quorum none']),
    '',
  ].join('\n');
  const policy = parsePolicy(policyText);
  const witness = cosigningWitness(witnessSigner, witnessKey.name);
  const witnesses = policy.witnesses.map((each) => new Witnessing(each, witness, store));
  const { quorum } = policy;
  const parts = {
    store,
    tree: store,
    signers: () => signers,
    clock,
    quorum,
    witnesses,
    onProblem: () => undefined,
  };
  const { note } = await new Checkpointer(parts).make(signal);
  const writeTo = async (folder: string): Promise<void> => {
    const written = AbortSignal.timeout(120_000);
    const { size } = recorder;
    const tiles = exportTiles(store, { size, isThere: () => false }, written);
    for await (const { path, bytes } of tiles) await write(join(folder, path), bytes);
    await write(join(folder, 'checkpoint'), Buffer.from(note));
  };
  return { store, signers, policyText, note, writeTo };
}

async function recordBlobEvents(
  recorder: Recorder,
  events: readonly BlobEvent[],
  signal: AbortSignal,
): Promise<void> {
  for (const [number, event] of events.entries()) {
    const subjects = event.blobs.map(({ name, sha256 }) => ({ name, sha256 }));
    const about = { type: 'blob-event', subjects, idempotencyKey: `${number}` } as const;
    const entries = [{ ...about, data: blobEventData(event) }];
    await recorder.record({ stream: BLOB_STREAM, entries, blobs: [] }, signal);
  }
}

async function fill(
  recorder: Recorder,
  count: number,
  fork: string,
  signal: AbortSignal,
): Promise<void> {
  for (let n = 1; n < count; n += 200) {
    const entries = Array.from({ length: Math.min(200, count - n) }, (_, at) => ({
      type: (n + at) % 10 === 3 ? ('decision' as const) : ('gate-result' as const),
      subjects: [],
      idempotencyKey: `${n + at}`,
      data: {
        fork,
        n: n + at,
        metrics: { errors: n % 7, requests: (n + at) * 100, share: (n + at) / 7 },
      },
    }));
    await recorder.record({ stream: `service/s${n % 3}`, entries, blobs: [] }, signal);
  }
}

/** Signs whatever it is shown: what it stands for is a key that the policy knows. */
function cosigningWitness(signer: NoteSigner, name: string): Witness {
  return {
    addCheckpoint: async ({ note }, signal) => {
      const checkpoint = parseCheckpoint(parseNote(Buffer.from(note)).text);
      const key = noteKey(name, signer.type, signer.publicKey);
      const atSeconds = 1_700_000_001n;
      const bare = await signer.sign(signedMessage(key, checkpoint, atSeconds), signal);
      const signature = signatureOf(signer.type, atSeconds, bare);
      return { kind: 'cosigned', lines: [{ name, keyId: key.keyId, signature }] };
    },
  };
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}
