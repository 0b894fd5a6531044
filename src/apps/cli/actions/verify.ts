import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import { exportLines } from '../../../domain/evidence/export-format.ts';
import { type ExportReport, verifyExport } from '../../../domain/evidence/verify-export.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { paint } from '../look.ts';
import { print, say, type Session } from '../session.ts';
import { verificationLines } from '../views/verification-lines.ts';

export interface VerifyOptions {
  readonly key?: string;
  readonly save?: string;
  readonly withInputs?: boolean;
  readonly output?: DataFormat;
}

/** What is fetched goes through a file, so that exactly the bytes that could be kept are checked. */
export async function verify(
  session: Session,
  file: string | null,
  options: VerifyOptions,
): Promise<ExitCode> {
  if (options.withInputs === true && options.save === undefined) {
    throw new CliError('cannot keep the inputs: it is not said where', {
      code: 'usage',
      remedy: 'give --save PATH as well; they go to PATH.inputs',
    });
  }
  if (file !== null) {
    if (options.save !== undefined) {
      throw new CliError('cannot save what is a file already', {
        code: 'usage',
        remedy: 'leave out --save, or leave out the file to fetch the ledger from the server',
      });
    }
    return verifyFile(session, resolve(session.workingFolder, file), options);
  }
  if (options.save !== undefined) {
    const path = resolve(session.workingFolder, options.save);
    await fetchExport(session, path);
    say(session, `Saved the ledger to ${path}.`);
    if (options.withInputs === true) await saveInputs(session, path);
    return verifyFile(session, path, options);
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-verify-'));
  try {
    await fetchExport(session, join(folder, 'ledger.jsonl'));
    return await verifyFile(session, join(folder, 'ledger.jsonl'), options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function verifyFile(
  session: Session,
  path: string,
  options: VerifyOptions,
): Promise<ExitCode> {
  const trustedKeyId = options.key ?? null;
  const report = await readReport(path, trustedKeyId, session.signal);
  if (options.output === undefined) print(session, verificationLines(report, session.look));
  else await printData(session, report, options.output);
  if (!report.valid) say(session, `${paint(session.talkLook, 'red', 'error')}: not verified`);
  return report.valid ? exitCodes.ok : exitCodes.error;
}

async function readReport(
  path: string,
  trustedKeyId: string | null,
  signal: AbortSignal,
): Promise<ExportReport> {
  try {
    const stream = createReadStream(path, { signal });
    return await verifyExport(exportLines(stream), { trustedKeyId });
  } catch (cause) {
    if (signal.aborted || !(cause instanceof Error) || !('syscall' in cause)) throw cause;
    const isMissing = 'code' in cause && cause.code === 'ENOENT';
    const why = isMissing ? 'no such file' : cause.message;
    throw new CliError(`cannot read ${path}: ${why}`, { code: 'unreadable', cause });
  }
}

async function fetchExport(session: Session, path: string): Promise<void> {
  using client = await Client.connect(session);
  const texts = client.texts('/v1/ledger/export', { signal: session.signal });
  await using file = await openToWrite(path);
  for await (const text of texts) await file.write(text);
  await file.sync();
}

async function openToWrite(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w', 0o600);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`cannot write ${path}: ${why}`, {
      code: 'unreadable',
      remedy: 'name a file in a folder that exists and that you may write to',
      cause,
    });
  }
}

async function saveInputs(session: Session, path: string): Promise<void> {
  const { entriesOf, fetchInput } = await import('../ledger/ledger-source.ts');
  const { inputsPathOf, writeInputs } = await import('../ledger/inputs-file.ts');
  const { signal } = session;
  using client = await Client.connect(session);
  const fetched = async function* () {
    const known = new Set<string>();
    for await (const { inputs } of entriesOf(path, signal)) {
      for (const { sha256 } of inputs) {
        if (known.has(sha256)) continue;
        known.add(sha256);
        const bytes = await fetchInput(client, sha256, signal);
        if (bytes !== null) yield { sha256, bytes };
      }
    }
  };
  try {
    const count = await writeInputs(inputsPathOf(path), fetched());
    say(session, `Saved ${count} inputs to ${inputsPathOf(path)}.`);
  } catch (cause) {
    // What cannot be read is said by the check of the ledger itself, which follows.
    if (!(cause instanceof EvidenceError)) throw cause;
    say(session, `Saved no inputs: ${cause.message}.`);
  }
}
