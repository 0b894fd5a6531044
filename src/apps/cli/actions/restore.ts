import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { replaceFile, syncFolder } from '../../../adapters/system/durable-file.ts';
import { LedgerPlaceError } from '../../../adapters/system/ledger-place.ts';
import { rememberCheckpoint } from '../../../adapters/system/newest-checkpoint.ts';
import type { LogKeyFiles } from '../../../adapters/system/log-keys.ts';
import { SigningKeyError } from '../../../adapters/system/signing-key.ts';
import { declareNewOrigin } from '../../../control/ledger/new-origin.ts';
import type { NewestKnown } from '../../../control/ledger/restore-anchors.ts';
import { type RestorableLedger, restoreLedger } from '../../../control/ledger/ledger-restore.ts';
import { DAMAGED_REMEDY, RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import { MANIFEST_FILE, type SignedManifest } from '../../../domain/evidence/backup-manifest.ts';
import type { TrustPolicy } from '../../../domain/evidence/trust-policy.ts';
import type { Signer } from '../../../ports/identity.ts';
import { LedgerError } from '../../../ports/ledger-store.ts';
import { SystemClock } from '../../../adapters/system/system-clock.ts';
import { BackupFolder } from '../backup/backup-folder.ts';
import { putBlobsInPlace, stageBlobs } from '../backup/blob-files.ts';
import { readConfigFiles } from '../backup/config-files.ts';
import { copyKeys } from '../backup/key-files.ts';
import { newestKnown } from '../backup/newest-known.ts';
import { Progress } from '../backup/progress.ts';
import { type RestoreResult, tellRestored } from '../backup/restore-result.ts';
import { restoreTarget } from '../backup/restore-target.ts';
import { keysForRestore, policyForRestore } from '../backup/restore-trust.ts';
import { keptAtRestore, restoringName } from '../backup/state-files.ts';
import { CliError } from '../cli-error.ts';
import type { DataFormat } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import type { Session } from '../session.ts';

export interface RestoreOptions {
  /** Only say what a restore would do. */
  readonly check?: boolean;
  /** Files with a checkpoint, or state folders. */
  readonly anchor?: readonly string[];
  /** Whom to believe about checkpoints; absent: the keys in the backup itself. */
  readonly policy?: string;
  readonly keysFrom?: string;
  /** Why an older state is taken up again under a new name. */
  readonly newOrigin?: string;
  /** Where the ledger is to be kept, when not in the state folder. */
  readonly store?: string;
  readonly storeUrlFile?: string;
  /** False: the witnesses named in the backup are not asked. */
  readonly witnesses: boolean;
  readonly output?: DataFormat;
  /** Of this program. */
  readonly version: string;
}

/** Puts a state folder back from a backup, after all of it was checked; or, with `check`, only checks. */
export async function restore(
  session: Session,
  folder: string,
  options: RestoreOptions,
): Promise<ExitCode> {
  const startedAtMs = performance.now();
  const source = resolve(session.workingFolder, folder);
  const result = await translated(source, async () => {
    const backup = new BackupFolder(source);
    const signed = await backup.manifest();
    if (signed === null) {
      throw new CliError(`there is no backup in ${source}: ${MANIFEST_FILE} is missing`, {
        code: 'unreadable',
        remedy: 'name the folder that tidegate backup wrote',
      });
    }
    if (options.check !== true) await requireEmpty(session.stateFolder);
    await using stage = await openStage(session, options.check === true);
    return await restoreInto({ session, options, backup, signed, stage: stage.path });
  });
  const durationMs = Math.round(performance.now() - startedAtMs);
  await tellRestored(session, { folder: source, ...result, durationMs }, options.output);
  return exitCodes.ok;
}

interface Restoring {
  readonly session: Session;
  readonly options: RestoreOptions;
  readonly backup: BackupFolder;
  readonly signed: SignedManifest;
  /** Where it is built and checked. */
  readonly stage: string;
}

type Told = Omit<RestoreResult, 'folder' | 'durationMs'>;

async function restoreInto(restoring: Restoring): Promise<Told> {
  const { session, options, signed, stage } = restoring;
  const { manifest } = signed;
  const keys = await keysForRestore(session, options.keysFrom);
  const policy = await policyForRestore(session, options.policy, manifest.policy);
  const target = await restoreTarget(session, options, stage);
  const comparedWith: string[] = [];
  const newOrigin = await target.fill(async (store) => {
    await fill(restoring, store, { signer: keys?.signer ?? null, policy });
    const newest = await newestKnown(restoring, store, { policy, comparedWith });
    if (options.newOrigin === undefined) refuseOlder(manifest.size, newest);
    const renamed =
      options.newOrigin === undefined
        ? null
        : await rename(restoring, store, { keys, reason: options.newOrigin, newest });
    await stageBlobs(restoring.backup, manifest.files, { stage, signal: session.signal });
    const putConfigFiles = await readConfigFiles(restoring.backup, manifest.files);
    const note = renamed?.note ?? manifest.checkpoint.note;
    if (options.check !== true) {
      await putConfigFiles(session.stateFolder);
      await putFilesInPlace(restoring, note);
    }
    return renamed?.origin ?? null;
  });
  return {
    stateFolder: session.stateFolder,
    store: target.store,
    isCheckOnly: options.check === true,
    origin: manifest.origin,
    newOrigin,
    entries: manifest.size,
    files: manifest.files.length,
    madeAt: new Date(manifest.madeAtMs).toISOString(),
    comparedWith,
    warnings: [
      ...(newOrigin === null ? [] : [hasNewName]),
      ...(keys === null ? [noKeys(session.stateFolder)] : []),
      ...(comparedWith.length === 0 ? [nothingNewer] : []),
    ],
  };
}

/** Gives the ledger a new name, as it goes on from a state older than somebody has seen. */
async function rename(
  { session, options }: Restoring,
  store: RestorableLedger,
  why: {
    readonly keys: LogKeyFiles | null;
    readonly reason: string;
    readonly newest: NewestKnown | null;
  },
): Promise<{ readonly origin: string; readonly note: string }> {
  const { keys, reason, newest } = why;
  if (keys === null) throw keysWanted();
  const { signer, notes: noteSigners } = keys;
  const clock = new SystemClock({ notBeforeMs: 0 });
  const newestKnown = newest === null ? null : { size: newest.size, root: newest.root };
  return declareNewOrigin(
    { store, signer, clock, version: options.version },
    { noteSigners, reason, by: session.who, newestKnown },
    session.signal,
  );
}

async function fill(
  { session, options, backup, signed }: Restoring,
  store: RestorableLedger,
  trust: { readonly signer: Signer | null; readonly policy: TrustPolicy },
): Promise<void> {
  using progress = new Progress(session, 'entries checked');
  const files = new Map(signed.manifest.files.map((file) => [file.path, file]));
  const read = async (path: string): Promise<Uint8Array> => {
    const file = files.get(path);
    if (file !== undefined) return backup.read(file);
    const message = `it does not name ${path}, which ${signed.manifest.size} entries need`;
    throw new RestoreRefusal('damaged', { place: MANIFEST_FILE, message, remedy: DAMAGED_REMEDY });
  };
  const restoreOptions = {
    trustedKeyId: trust.signer?.keyId ?? null,
    policy: trust.policy,
    version: options.version,
    onProgress: (entries: number, all: number) => progress.show(entries, all),
  };
  await restoreLedger({ signed, read }, store, restoreOptions, session.signal);
  // What restoreLedger had no need of, such as the tiles of the tree, is part of the backup all the same.
  for (const file of signed.manifest.files) {
    if (file.path.startsWith('tile/') && !file.path.startsWith('tile/entries/')) {
      await backup.read(file);
    }
  }
}

function refuseOlder(size: number, newest: NewestKnown | null): void {
  if (newest === null) return;
  const lost = newest.size - size;
  throw new RestoreRefusal('older', {
    place: newest.from,
    message: `it has seen ${newest.size} entries, and the backup has ${size}: ${lost} ${lost === 1 ? 'entry' : 'entries'} would be lost`,
    remedy:
      'restore a newer backup; or give up those entries for all to see, under a new name of the ledger: --new-origin REASON',
  });
}

/** Nothing that is there is ever written over. */
async function requireEmpty(stateFolder: string): Promise<void> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const names = await readdir(stateFolder);
  const others = names.filter((name) => name !== restoringName && !keptAtRestore.includes(name));
  if (others.length === 0) return;
  throw new CliError(
    `cannot restore into ${stateFolder}: it is not empty (${others.slice(0, 3).join(', ')})`,
    {
      code: 'refused',
      remedy: `stop its server and move it away, or name another folder with --state; ${keptAtRestore.join(' and ')} may stay`,
    },
  );
}

async function openStage(session: Session, isCheckOnly: boolean) {
  const path = isCheckOnly
    ? await mkdtemp(join(tmpdir(), 'tidegate-restore-'))
    : join(session.stateFolder, restoringName);
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** All that belongs to a state folder but the ledger, which comes last: it has one or is not restored. */
async function putFilesInPlace(
  { session, options, signed, stage }: Restoring,
  note: string,
): Promise<void> {
  const { stateFolder } = session;
  if (options.keysFrom !== undefined) {
    await copyKeys(resolve(session.workingFolder, options.keysFrom), join(stateFolder, 'keys'));
  }
  for (const [name, text] of Object.entries(signed.manifest.settings)) {
    await replaceFile(join(stateFolder, name), Buffer.from(text));
  }
  await rememberCheckpoint(stateFolder, note);
  await putBlobsInPlace(stage, stateFolder);
  await syncFolder(stateFolder);
}

function keysWanted(): CliError {
  return new CliError('cannot declare a new origin: the entry that says so has to be signed', {
    code: 'refused',
    remedy: 'give the keys of the ledger: --keys-from FOLDER',
  });
}

function noKeys(stateFolder: string): string {
  return `no private keys were given: put those of this ledger into ${join(stateFolder, 'keys')} before tidegate up`;
}

const hasNewName =
  'the ledger has a new name: give auditors and witnesses the lines of tidegate ledger keys, or they refuse it';
const nothingNewer =
  'it was compared with nothing but itself: whether later entries are lost is not known (see --anchor)';

async function translated<Result>(source: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RestoreRefusal) {
      const message = `cannot restore from ${source}: ${error.message}`;
      throw new CliError(message, { code: 'refused', remedy: error.remedy, cause: error });
    }
    const isOfStore = error instanceof LedgerError || error instanceof LedgerPlaceError;
    if (isOfStore || error instanceof SigningKeyError) {
      throw new CliError(`cannot restore: ${error.message}`, { code: 'unreadable', cause: error });
    }
    if (error instanceof Error && 'syscall' in error) {
      throw new CliError(`cannot restore from ${source}: ${error.message}`, {
        code: 'unreadable',
        remedy: 'nothing was put in place; make room or check the rights, and try again',
        cause: error,
      });
    }
    throw error;
  }
}
