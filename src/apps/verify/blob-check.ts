import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';

import {
  applyBlobEvent,
  blobPath,
  type BlobState,
  readBlobEvent,
} from '../../domain/evidence/blob-event.ts';
import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import type { LeafFacts } from '../../domain/evidence/leaf-facts.ts';
import { UnusableInput } from './arguments.ts';

/** What the entries say of blobs, beside the files of an export. */
export interface BlobsReport {
  /** Blobs that entries say are kept. */
  readonly stored: number;
  /** Of these, such as are here with the bytes they had. */
  readonly same: number;
  /** Of these, such as are not here. */
  readonly missing: number;
  /** Of these, such as have other bytes. */
  readonly damaged: number;
  /** Blobs that an entry says were deleted after their time, or could not be kept. */
  readonly explained: number;
  /** Files that no entry speaks of. */
  readonly strangers: number;
}

export interface BlobsFound {
  readonly report: BlobsReport;
  /** What is wrong first; null: nothing. */
  readonly problem: string | null;
}

/** Beside the tiles of an export, as in a backup and in a state folder. */
const folderName = 'blobs';

/** Gathers what entries say of blobs, and holds the files of an export against it. One file is open at a time, and none is kept in memory. */
export class BlobCheck {
  readonly #known = new Map<string, BlobState>();

  /** Throws an EvidenceError for an entry that can't be read. */
  take(facts: LeafFacts): void {
    if (facts.kind !== 'readable' || facts.type !== 'blob-event') return;
    applyBlobEvent(this.#known, readBlobEvent(facts.data), facts.observedAtMs);
  }

  async compare(
    folder: string,
    { isRequired }: { readonly isRequired: boolean },
  ): Promise<BlobsFound> {
    const there = await filesIn(join(folder, folderName));
    const counts = { stored: 0, same: 0, missing: 0, damaged: 0, explained: 0, strangers: 0 };
    let problem: string | null = null;
    for (const blob of this.#known.values()) {
      const isThere = there.delete(blobPath(blob.sha256));
      if (blob.action !== 'stored') {
        // One that has outlived its entry is nobody's evidence any more.
        counts.explained += 1;
        continue;
      }
      counts.stored += 1;
      const wrong = isThere ? await wrongIn(folder, blob) : 'it is missing';
      if (wrong === null) counts.same += 1;
      else if (isThere) counts.damaged += 1;
      else counts.missing += 1;
      if (wrong === null || (!isThere && !isRequired)) continue;
      const because = isThere ? '' : ', and the policy requires it';
      problem ??= `${folderName}/${blobPath(blob.sha256)} (${blob.name} of ${blob.rolloutId ?? blob.service}): ${wrong}${because}`;
    }
    return { report: { ...counts, strangers: there.size }, problem };
  }
}

/** In one line, for people. */
export function blobsText(report: BlobsReport): string {
  const { stored, same, missing, damaged, explained, strangers } = report;
  const parts = [
    `blobs: ${same} of ${stored} are here with the bytes that entries say they had`,
    ...(damaged === 0 ? [] : [`${damaged} HAVE OTHER BYTES`]),
    ...(missing === 0 ? [] : [`${missing} are not here`]),
    ...(explained === 0
      ? []
      : [`of ${explained} more entries say that they were deleted after their time or never kept`]),
    ...(strangers === 0 ? [] : [`no entry speaks of ${strangers} other files`]),
  ];
  return parts.join('; ');
}

/** Null: the bytes are those that the entry names. */
async function wrongIn(
  folder: string,
  { sha256, sizeBytes }: Pick<BlobState, 'sha256' | 'sizeBytes'>,
): Promise<string | null> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await pipeline(
      createReadStream(join(folder, folderName, blobPath(sha256))),
      createZstdDecompress(),
      async (chunks: AsyncIterable<Uint8Array>) => {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          // What unpacks to more is not read to its end: it could be without one.
          if (bytes > sizeBytes) throw new EvidenceError(`it has more than ${sizeBytes} bytes`);
          hash.update(chunk);
        }
      },
    );
  } catch (error) {
    if (error instanceof EvidenceError) return error.message;
    if (!(error instanceof Error)) throw error;
    if ('syscall' in error) throw new UnusableInput(`cannot read a blob: ${error.message}`);
    return `it is not compressed as it was (${'code' in error ? String(error.code) : error.message})`;
  }
  const found = hash.digest('hex');
  if (bytes === sizeBytes && found === sha256) return null;
  return `it has ${bytes} bytes with the SHA-256 ${found}; its entry says ${sizeBytes} bytes`;
}

/** Paths of what may be a blob, as `3f/3f9a….zst`; none when there is no folder. */
async function filesIn(folder: string): Promise<Set<string>> {
  try {
    const names = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = names.filter((each) => each.isFile());
    return new Set(files.map((each) => join(each.parentPath, each.name).slice(folder.length + 1)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Set();
    throw new UnusableInput(`cannot read ${folder}: ${String(error)}`, { cause: error });
  }
}
