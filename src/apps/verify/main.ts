/**
 * `tidegate-verify`: the auditor's program. It imports the evidence part of the domain and Node's own modules, nothing else, so that
 * what is trusted with the verdict is small enough to read.
 */
import { readFile } from 'node:fs/promises';

import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { evidenceLines } from '../../domain/evidence/evidence-check.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import type { TrustPolicy } from '../../domain/evidence/trust-policy.ts';
import { type Arguments, readArguments, UnusableInput, usage } from './arguments.ts';
import { type BlobsReport, blobsText } from './blob-check.ts';
import { verifyFolder } from './verify-folder.ts';
import { verifyProof } from './verify-proof.ts';
import type { VerifyResult } from './verify-result.ts';

async function main(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv);
  if (options === null) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const result = await verified(options);
  const lines = options.isJson ? JSON.stringify(result, null, 2) : linesOf(result).join('\n');
  process.stdout.write(`${lines}\n`);
  const isWhole = (result.evidence?.findingCount ?? 0) === 0;
  return result.valid && isWhole ? 0 : 1;
}

async function verified(options: Arguments): Promise<VerifyResult> {
  const policy = readPolicy(await read(options.policyPath), options.policyPath);
  const strictness = options.isLenient ? 'lenient' : 'strict';
  const isProof = options.path.endsWith('.tlog-proof');
  if (!isProof) {
    if (options.entryPath !== null) throw new UnusableInput('--entry is for a .tlog-proof file');
    const progress = new Progress();
    const { path: folder, workers } = options;
    const onProgress = (checked: number, all: number): void => progress.show(checked, all);
    const result = await verifyFolder({ folder, policy, strictness, workers, onProgress });
    progress.clear();
    return result;
  }
  if (options.entryPath === null) throw new UnusableInput('name the entry with --entry FILE');
  const [proof, entry] = [await read(options.path), await read(options.entryPath)];
  return verifyProof({ proof, entry, policy, strictness });
}

function readPolicy(bytes: Uint8Array, path: string): TrustPolicy {
  try {
    // Octets above 127 stand for themselves, as the format wants it.
    return parsePolicy(Buffer.from(bytes).toString('latin1'));
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new UnusableInput(`cannot use the policy ${path}: ${error.message}`, { cause: error });
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UnusableInput(`cannot read ${path}: ${String(error)}`, { cause: error });
  }
}

function linesOf(result: VerifyResult): string[] {
  const { valid, entries, origin, size, root, witnesses, proves, evidence, blobs } = result;
  return [
    valid ? `valid: ${entries} ${entries === 1 ? 'entry' : 'entries'}` : 'NOT VALID',
    ...(origin === null ? [] : [`  log: ${origin}`, `  checkpoint: ${size} entries, root ${root}`]),
    ...witnesses.map(({ name, at }) => `  witness: ${name} at ${at}`),
    ...(blobs === null || !isSpokenOf(blobs) ? [] : [`  ${blobsText(blobs)}`]),
    `  ${proves}`,
    ...(evidence === null || !valid ? [] : evidenceLines(evidence).map((line) => `  ${line}`)),
  ].map((line) => line.replaceAll(/\p{Cc}/gu, '?'));
}

function isSpokenOf({ stored, explained, strangers }: BlobsReport): boolean {
  return stored + explained + strangers > 0;
}

/** One line on a terminal, rewritten; nothing anywhere else. */
class Progress {
  #shownAtMs = 0;

  show(checked: number, all: number): void {
    const nowMs = performance.now();
    if (!process.stderr.isTTY || nowMs - this.#shownAtMs < 100) return;
    this.#shownAtMs = nowMs;
    process.stderr.write(`\r\u001b[K${checked} of ${all} entries`);
  }

  clear(): void {
    if (this.#shownAtMs > 0) process.stderr.write('\r\u001b[K');
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isOurs = error instanceof UnusableInput;
  const text = error instanceof Error ? (isOurs ? error.message : error.stack) : String(error);
  process.stderr.write(`error: ${text}\n${isOurs ? 'Try: tidegate-verify --help\n' : ''}`);
  process.exitCode = 2;
}
