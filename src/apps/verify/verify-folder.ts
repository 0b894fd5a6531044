import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { hexOfHash, isSameHash } from '../../domain/evidence/digest.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import type { JudgedCheckpoint, Strictness } from '../../domain/evidence/judge-checkpoint.ts';
import { checkCheckpointSigners } from '../../domain/evidence/checkpoint-signers.ts';
import { readKeyEvent } from '../../domain/evidence/key-directory.ts';
import { readLogKeys, readLogKeysEvent } from '../../domain/evidence/log-keys.ts';
import type { LeafFacts } from '../../domain/evidence/leaf-facts.ts';
import { decodeTile, TILE_WIDTH, tilePath, tilesOfLevel } from '../../domain/evidence/tile.ts';
import type { Tile } from '../../domain/evidence/tile.ts';
import type { TrustPolicy } from '../../domain/evidence/trust-policy.ts';
import { LedgerVerification } from '../../domain/evidence/verify-ledger.ts';
import { UnusableInput } from './arguments.ts';
import { BlobCheck, type BlobsFound } from './blob-check.ts';
import type { FactsAnswer } from './bundle-facts.ts';
import { FactsPool } from './facts-pool.ts';

import { provenByFolder, type VerifyResult } from './verify-result.ts';

export interface FolderVerification {
  readonly folder: string;
  readonly policy: TrustPolicy;
  readonly strictness: Strictness;
  readonly workers: number | null;
  /** Called now and then with the entries checked and all there are. */
  readonly onProgress: (checked: number, all: number) => void;
}

/**
 * Checks an exported log: the checkpoint by the policy, every entry, the root over them, every tile, and the blobs that are with it. Bundles are read one after
 * the other, some under way at a time, so memory stays the same however long the log is.
 */
export async function verifyFolder(options: FolderVerification): Promise<VerifyResult> {
  const check = new FolderCheck(options);
  try {
    await check.run();
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    check.problem ??= error.message;
  }
  return provenByFolder(check.state(), options);
}

/** A log of more entries than this is not exported by anybody: the number is where sizes stop being exact. */
const MAX_SIZE = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_CHECKPOINT_BYTES = 512 * 1024;

class FolderCheck {
  problem: string | null = null;
  readonly #options: FolderVerification;
  readonly #ledger = new LedgerVerification({ trustedKeyId: null });
  readonly #blobs = new BlobCheck();
  #judged: JudgedCheckpoint | null = null;
  #found: BlobsFound | null = null;
  /** By level, from 1 on: roots whose tile has not been compared yet. */
  readonly #roots = new Map<number, Hash[]>();

  constructor(options: FolderVerification) {
    this.#options = options;
  }

  state() {
    const { renamings } = this.#ledger;
    return {
      problem: this.problem,
      judged: this.#judged,
      report: this.#ledger.finish(),
      renamings,
      blobs: this.#found?.report ?? null,
    };
  }

  async run(): Promise<void> {
    const { policy, strictness } = this.#options;
    const note = await this.#read('checkpoint');
    if (note.length > MAX_CHECKPOINT_BYTES) throw new EvidenceError('checkpoint: it is too long');
    this.#judged = within('checkpoint', () => judgeCheckpoint(note, policy, strictness));
    const { size, root, origin } = this.#judged.checkpoint;
    if (size > MAX_SIZE) throw new EvidenceError(`checkpoint: ${size} entries are too many`);
    await this.#checkEntries(Number(size));
    const report = this.#ledger.finish();
    if (report.firstProblem !== null) {
      const { index, what } = report.firstProblem;
      throw new EvidenceError(`entry ${index}: ${what}`);
    }
    if (report.root !== hexOfHash(root)) {
      throw new EvidenceError('the root over the entries is not the one in the checkpoint');
    }
    this.#checkSigners(Number(size));
    if (this.#ledger.origin !== origin) {
      const [index] = this.#ledger.renamings.map((each) => each.index).slice(-1);
      throw new EvidenceError(`entry ${index ?? 0} is not the one that ${origin} is named after`);
    }
    await this.#checkBlobs();
  }

  /** After everything else: what entries say of blobs is worth as much as the entries. */
  async #checkBlobs(): Promise<void> {
    const { folder, policy } = this.#options;
    this.#found = await this.#blobs.compare(folder, { isRequired: policy.requiresBlobs });
    if (this.#found.problem !== null) throw new EvidenceError(this.#found.problem);
  }

  #checkSigners(size: number): void {
    const signed = new Set(this.#judged?.logKeys);
    const keys = this.#options.policy.logs.map(({ key }) => key);
    const signers = keys.filter(({ name, keyId }) => signed.has(`${name}+${keyId}`));
    within('checkpoint', () => checkCheckpointSigners(this.#ledger.keys, size, signers));
  }

  async #checkEntries(size: number): Promise<void> {
    // One bundle is done before a worker has started.
    const workers = size <= TILE_WIDTH ? 0 : this.#options.workers;
    await using pool = new FactsPool(workers);
    const underWay: { readonly tile: Tile; readonly answer: Promise<FactsAnswer> }[] = [];
    for (const tile of tilesOfLevel('entries', size)) {
      const bundle = await this.#read(tilePath(tile));
      underWay.push({ tile, answer: pool.ask({ bundle, width: tile.width }) });
      // The first bundle has the key that the others are signed with.
      if (underWay.length >= pool.depth || tile.index === 0) await this.#take(underWay, pool);
      if (this.#ledger.finish().firstProblem !== null) break;
      this.#options.onProgress(this.#ledger.entries, size);
    }
    while (underWay.length > 0) await this.#take(underWay, pool);
    for (const [level, roots] of this.#roots) await this.#checkRest(level, roots, size);
  }

  async #take(
    underWay: { readonly tile: Tile; readonly answer: Promise<FactsAnswer> }[],
    pool: FactsPool,
  ): Promise<void> {
    const next = underWay.shift();
    if (next === undefined) return;
    const { facts, what } = await next.answer;
    if (facts === null) throw new EvidenceError(`${tilePath(next.tile)}: ${what}`);
    for (const each of facts) {
      const completed = this.#ledger.addFacts(each);
      for (const { leaves, hash } of completed) {
        const level = Math.log2(leaves) / Math.log2(TILE_WIDTH);
        if (Number.isInteger(level)) await this.#addRoot(level, hash);
      }
      this.#teach(each, pool);
      if (this.#ledger.problem === null) {
        within(`entry ${this.#ledger.entries - 1}`, () => this.#blobs.take(each));
      }
    }
    await this.#compareTile(
      { ...next.tile, level: 0 },
      facts.map(({ leafHash }) => leafHash),
    );
  }

  /** Whether the key may sign is judged by the ledger's own key events; workers only need it to check with. */
  #teach(facts: LeafFacts, pool: FactsPool): void {
    if (facts.kind !== 'readable' || facts.type !== 'key-event') return;
    try {
      const set = readLogKeysEvent(facts.data);
      if (set !== null) {
        const { ed25519, mlDsa65 } = readLogKeys(set.enrolment);
        for (const key of [ed25519, mlDsa65]) pool.learn(key);
        return;
      }
      const event = readKeyEvent(facts.data);
      if (event.action === 'enrol') pool.learn({ keyId: event.keyId, spki: event.publicKey });
    } catch (error) {
      // A person's key, or none at all: the verification in order says so.
      if (!(error instanceof EvidenceError)) throw error;
    }
  }

  async #addRoot(level: number, root: Hash): Promise<void> {
    const roots = this.#roots.get(level) ?? [];
    roots.push(root);
    this.#roots.set(level, roots);
    if (roots.length % TILE_WIDTH !== 0) return;
    const index = roots.length / TILE_WIDTH - 1;
    const tile = { level, index, width: TILE_WIDTH };
    await this.#compareTile(tile, roots.slice(index * TILE_WIDTH));
  }

  async #checkRest(level: number, roots: readonly Hash[], size: number): Promise<void> {
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    const tile = [...tilesOfLevel(level, hashes)].at(-1);
    if (tile === undefined || tile.width === TILE_WIDTH) return;
    await this.#compareTile(tile, roots.slice(tile.index * TILE_WIDTH));
  }

  async #compareTile(tile: Tile, want: readonly Hash[]): Promise<void> {
    const path = tilePath(tile);
    const bytes = await this.#read(path);
    const hashes = within(path, () => decodeTile(bytes, tile.width));
    const isSame = hashes.every((hash, at) => isSameHash(hash, want[at] ?? new Uint8Array()));
    if (!isSame) throw new EvidenceError(`${path}: its hashes are not those of the entries`);
  }

  async #read(path: string): Promise<Uint8Array> {
    try {
      return await readFile(join(this.#options.folder, path));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      // Without a checkpoint it is no export at all; without another file it is one that something was taken from.
      if (code === 'ENOENT' && path !== 'checkpoint') throw new EvidenceError(`${path} is missing`);
      const what = code === 'ENOENT' ? 'there is no such file' : String(error);
      throw new UnusableInput(`cannot read ${join(this.#options.folder, path)}: ${what}`, {
        cause: error,
      });
    }
  }
}

function within<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new EvidenceError(`${path}: ${error.message}`, { cause: error });
  }
}
