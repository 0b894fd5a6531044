import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { lockFolder } from '../../../adapters/sqlite/sqlite-lock.ts';
import { type LedgerReader } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { LedgerPlaceError } from '../../../adapters/system/ledger-place.ts';
import type { LogKeyFiles } from '../../../adapters/system/log-keys.ts';
import { SigningKeyError } from '../../../adapters/system/signing-key.ts';
import { SystemClock } from '../../../adapters/system/system-clock.ts';
import { backupParts } from '../../../control/ledger/ledger-backup.ts';
import { originAt } from '../../../control/ledger/ledger-origin.ts';
import { rootAt } from '../../../control/ledger/ledger-proofs.ts';
import { projectionsOf } from '../../../control/recording/projections.ts';
import { RestoreRefusal } from '../../../control/ledger/restore-refusal.ts';
import {
  type BackupFile,
  type BackupManifest,
  manifestText,
  type SignedManifest,
  unsignedManifest,
} from '../../../domain/evidence/backup-manifest.ts';
import { hexOfHash } from '../../../domain/evidence/digest.ts';
import { noteKey, rawKeyOf } from '../../../domain/evidence/note-key.ts';
import { LedgerError } from '../../../ports/ledger-store.ts';
import type { StoredCheckpoint } from '../../../ports/ledger-tree.ts';
import { BackupFolder } from '../backup/backup-folder.ts';
import { blobParts } from '../backup/blob-files.ts';
import { configParts } from '../backup/config-files.ts';
import { freshCheckpoint } from '../backup/fresh-checkpoint.ts';
import { copyKeys, keysIn, requireApart } from '../backup/key-files.ts';
import { Progress } from '../backup/progress.ts';
import { policyText, readSettings } from '../backup/state-files.ts';
import { CliError } from '../cli-error.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { openLedgerReader } from '../ledger/ledger-reader.ts';
import { print, say, type Session } from '../session.ts';

export interface BackupOptions {
  readonly keysTo?: string;
  readonly output?: DataFormat;
  /** Of this program. */
  readonly version: string;
}

/** What a person or a program is told; sizes in bytes, times in milliseconds. */
interface BackupResult {
  readonly folder: string;
  readonly origin: string;
  readonly entries: number;
  readonly root: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly newFiles: number;
  readonly newBytes: number;
  readonly keysTo: string | null;
  readonly durationMs: number;
}

/** Brings the backup in the folder up to the state folder as it is now; the server goes on meanwhile. */
export async function backup(
  session: Session,
  folder: string,
  options: BackupOptions,
): Promise<ExitCode> {
  const startedAtMs = performance.now();
  const target = resolve(session.workingFolder, folder);
  const keysTo =
    options.keysTo === undefined ? null : resolve(session.workingFolder, options.keysTo);
  if (keysTo !== null) requireApart(keysTo, target);
  const made = await translated(target, async () => {
    await (await openLedgerReader(session))[Symbol.asyncDispose]();
    const keys = await openKeys(session.stateFolder);
    const checkpoint = await freshCheckpoint(session, keys.notes);
    await mkdir(target, { recursive: true, mode: 0o700 });
    using _ = lockFolder(target);
    await using ledger = await openLedgerReader(session);
    if (keysTo !== null) await copyKeys(keysFolderOf(session.stateFolder), keysTo);
    return await writeBackup(
      { session, ledger, keys, folder: new BackupFolder(target) },
      checkpoint,
      {
        version: options.version,
      },
    );
  });
  const durationMs = Math.round(performance.now() - startedAtMs);
  await tell(session, { folder: target, ...made, keysTo, durationMs }, options.output);
  return exitCodes.ok;
}

interface Writing {
  readonly session: Session;
  readonly ledger: LedgerReader;
  readonly keys: LogKeyFiles;
  readonly folder: BackupFolder;
}

async function writeBackup(
  writing: Writing,
  checkpoint: StoredCheckpoint,
  { version }: { readonly version: string },
): Promise<Omit<BackupResult, 'folder' | 'keysTo' | 'durationMs'>> {
  const { session, ledger, keys, folder } = writing;
  const { signal } = session;
  const { size } = checkpoint;
  const previous = await previousManifest(writing, size);
  const known = new Map((previous?.manifest.files ?? []).map((file) => [file.path, file]));
  const { files, fresh } = await writeParts(writing, size, known);
  const origin = await originAt(ledger, size, signal);
  const manifest: BackupManifest = {
    origin,
    size,
    root: hexOfHash(await rootAt(ledger, size, signal)),
    checkpoint: { note: checkpoint.note, isKept: checkpoint.isKept },
    policy: await policyText(session.stateFolder, origin, keys.notes),
    settings: await readSettings(session.stateFolder),
    projections: await projectionsOf(ledger, { size, signer: keys.signer }, signal),
    madeAtMs: new SystemClock({ notBeforeMs: 0 }).nowMs(),
    version,
    files: files.toSorted((one, other) => (one.path < other.path ? -1 : 1)),
  };
  const unsigned = unsignedManifest(manifest);
  const signature = await keys.signer.sign(unsigned.signedBytes, signal);
  await folder.commit(manifestText(unsigned, keys.signer.keyId, signature));
  // For public tools, which read the folder as a log.
  await folder.write('checkpoint', Buffer.from(checkpoint.note));
  const named = new Set(files.map(({ path }) => path));
  await folder.drop([...known.keys()].filter((path) => !named.has(path)));
  return {
    origin,
    entries: size,
    root: manifest.root,
    files: files.length,
    sizeBytes: totalBytes(files),
    newFiles: fresh.length,
    newBytes: totalBytes(fresh),
  };
}

/** Every file of the backup, and those of them that were written now. */
async function writeParts(
  { session, ledger, folder }: Writing,
  size: number,
  known: ReadonlyMap<string, BackupFile>,
): Promise<{ readonly files: readonly BackupFile[]; readonly fresh: readonly BackupFile[] }> {
  using progress = new Progress(session, 'files backed up');
  const files: BackupFile[] = [];
  const fresh: BackupFile[] = [];
  const { signal, stateFolder } = session;
  const onDamaged = (path: string): void =>
    say(session, `left out ${path}: it is not what it was when it was applied`);
  for await (const part of all([
    backupParts(ledger, size, signal),
    blobParts(stateFolder, signal),
    configParts(stateFolder, onDamaged),
  ])) {
    signal.throwIfAborted();
    const there = known.get(part.path);
    if (there !== undefined && (await folder.has(there))) {
      files.push(there);
      continue;
    }
    const file = await folder.write(part.path, await part.content());
    files.push(file);
    fresh.push(file);
    progress.show(fresh.length, known.size + fresh.length);
  }
  return { files, fresh };
}

async function* all<Part>(kinds: readonly AsyncIterable<Part>[]): AsyncIterable<Part> {
  for (const parts of kinds) yield* parts;
}

/** Null: there is none whose files may be believed. Refuses to write over a backup that this ledger does not continue. */
async function previousManifest(
  { session, ledger, keys, folder }: Writing,
  size: number,
): Promise<SignedManifest | null> {
  const { signal } = session;
  const previous = await folder.manifest();
  if (previous === null) return null;
  const { manifest, envelope } = previous;
  const isContinued =
    manifest.size <= size &&
    (await originAt(ledger, manifest.size, signal)) === manifest.origin &&
    hexOfHash(await rootAt(ledger, manifest.size, signal)) === manifest.root;
  if (!isContinued) {
    throw new CliError(
      `cannot back up to ${folder.path}: it has ${manifest.size} entries of ${manifest.origin}, which the ledger in ${session.stateFolder} does not continue`,
      {
        code: 'refused',
        remedy:
          'keep that backup and name an empty folder; if it should be the same ledger, the state folder was put back to an earlier state',
      },
    );
  }
  // Signed with an earlier key: all is written again rather than believed.
  if (envelope.keyId !== keys.signer.keyId) return null;
  const key = noteKey('backup', 'ed25519', rawKeyOf('ed25519', keys.signer.publicKey));
  if (key.isValid(envelope.signedBytes, envelope.signature)) return previous;
  throw new CliError(`cannot add to the backup in ${folder.path}: its manifest was changed`, {
    code: 'refused',
    remedy: 'keep it for an investigation and name an empty folder',
  });
}

async function openKeys(stateFolder: string): Promise<LogKeyFiles> {
  const folder = keysFolderOf(stateFolder);
  const keys = await keysIn(folder);
  if (keys !== null) return keys;
  throw new CliError(`cannot sign a backup: ${folder} has no key`, {
    code: 'unreadable',
    remedy: 'put back the key file that belongs to this ledger',
  });
}

function keysFolderOf(stateFolder: string): string {
  return join(stateFolder, 'keys');
}

function totalBytes(files: readonly BackupFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function tell(
  session: Session,
  made: BackupResult,
  output: DataFormat | undefined,
): Promise<void> {
  if (output !== undefined) return printData(session, made, output);
  const { folder, origin, entries, root, files, newFiles, newBytes, durationMs } = made;
  print(session, [
    `Backed up ${entries} entries to ${folder} in ${(durationMs / 1000).toFixed(1)} s.`,
    `  ledger: ${origin}`,
    `  root: ${root}`,
    `  files: ${files}, of them new: ${newFiles} (${newBytes} bytes)`,
  ]);
  if (made.keysTo === null) say(session, 'Private keys are not in it: see --keys-to.');
  else say(session, `Private keys were copied to ${made.keysTo}: keep that folder elsewhere.`);
}

async function translated<Result>(target: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RestoreRefusal) {
      const message = `cannot add to the backup in ${target}: ${error.message}`;
      throw new CliError(message, {
        code: 'refused',
        remedy: 'keep it and name an empty folder for a new backup',
        cause: error,
      });
    }
    if (
      error instanceof LedgerError ||
      error instanceof SigningKeyError ||
      error instanceof LedgerPlaceError
    ) {
      throw new CliError(`cannot back up: ${error.message}`, { code: 'unreadable', cause: error });
    }
    if (error instanceof Error && 'syscall' in error) {
      throw new CliError(`cannot write the backup in ${target}: ${error.message}`, {
        code: 'unreadable',
        remedy: 'the backup that was there before is still good; make room or name another folder',
        cause: error,
      });
    }
    throw error;
  }
}
