import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';

import {
  openSqliteLedgerReader,
  type LedgerReader,
} from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { hexOfHash, leafHash } from '../../src/domain/evidence/digest.ts';
import type { Hash } from '../../src/domain/evidence/digest.ts';
import { leafFacts } from '../../src/domain/evidence/leaf-facts.ts';
import { MerkleEdge } from '../../src/domain/evidence/merkle-edge.ts';
import { LedgerVerification } from '../../src/domain/evidence/verify-ledger.ts';
import { seeded } from './tamper-row.ts';

export interface KillCounts {
  readonly kills: number;
  /** Entries whose writer was told that they are durable. */
  readonly acknowledged: number;
  /** Of these, the ones that were not there, or were others, after a kill. */
  readonly acknowledgedLost: number;
  /** Ledgers in which something did not fit: an entry, a signature, the chain, half a batch, or the tree. */
  readonly contradictions: number;
}

/** Writers at a time, each with a ledger of its own. */
const LANES = 2;

/**
 * Processes that record as the server does are killed at random moments by SIGKILL, also while they open, and started again on the
 * same ledger. After each kill all that was told to be durable is looked for, and what came since the last kill is verified.
 */
export async function killWriters(
  folder: string,
  options: {
    readonly kills: number;
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<KillCounts> {
  const { kills, say, signal } = options;
  const total = { kills: 0, acknowledged: 0, acknowledgedLost: 0, contradictions: 0 };
  const lane = async (number: number): Promise<void> => {
    const state = join(folder, `lane-${number}`);
    const random = seeded(20_261_123 + number);
    const check = new KilledLedger();
    for (let kill = number; kill <= kills; kill += LANES) {
      signal.throwIfAborted();
      const { told, lost } = await killOnce(state, { check, random, signal });
      total.kills += 1;
      total.acknowledged += told;
      total.acknowledgedLost += lost;
      if (check.problem !== null) total.contradictions += 1;
      if (total.kills % 100 === 0) say(`  ${JSON.stringify(total)}`);
      // What is wrong stays so, and would be counted again after each kill.
      if (check.problem !== null) {
        say(`  lane ${number} ends, after ${total.kills} kills: ${check.problem}`);
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, at) => lane(at + 1)));
  return total;
}

async function killOnce(
  folder: string,
  parts: {
    readonly check: KilledLedger;
    readonly random: () => number;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly told: number; readonly lost: number }> {
  const { check, random, signal } = parts;
  // One in eight is killed at a moment of its start; the others some appends later, and a moment after.
  const afterBatches = random() < 1 / 8 ? 0 : 1 + Math.floor(random() * 12);
  const delayMs = random() * (afterBatches === 0 ? 400 : 4);
  const told = await writeUntilKilled(folder, { afterBatches, delayMs });
  // Killed before there was a ledger.
  if (check.size === 0 && told.length === 0) return { told: 0, lost: 0 };
  await using reader = await openSqliteLedgerReader(folder, signal);
  return { told: told.length, lost: await check.takeUp(reader, told, signal) };
}

interface Told {
  readonly index: number;
  readonly leafHash: string;
}

/** What was verified before is kept, as hashes; each time only what came since is verified. */
class KilledLedger {
  problem: string | null = null;
  readonly #verification = new LedgerVerification({ trustedKeyId: null });
  readonly #hashes: Hash[] = [];
  readonly #edge = MerkleEdge.empty();

  get size(): number {
    return this.#hashes.length;
  }

  /** How many of `told` are not there. */
  async takeUp(reader: LedgerReader, told: readonly Told[], signal: AbortSignal): Promise<number> {
    const before = this.size;
    const { size } = await reader.head(signal);
    const kept = await reader.hashes(
      { level: 0, fromIndex: 0, count: Math.min(before, size) },
      signal,
    );
    const changed = this.#hashes.findIndex((hash, at) => !same(hash, kept[at]));
    if (changed !== -1) this.problem = `entry ${changed} is gone or another`;
    for await (const { leaf } of reader.read({ fromIndex: before, stream: null }, signal)) {
      const hash = leafHash(leaf);
      this.#hashes.push(hash);
      this.#edge.append(hash);
      this.#verification.addFacts(leafFacts(leaf, new Map()));
    }
    const { firstProblem } = this.#verification.finish();
    if (firstProblem !== null) this.problem = `entry ${firstProblem.index}: ${firstProblem.what}`;
    // Entry 0 enrols the key; batches are of two entries.
    if (size > 0 && size % 2 === 0) this.problem = `half a batch: ${size} entries`;
    const root = MerkleEdge.of(await reader.edge(signal))?.root();
    if (!same(this.#edge.root(), root)) this.problem = 'the tree is not over the entries';
    return told.filter((each) => {
      const hash = this.#hashes[each.index];
      return hash === undefined || hexOfHash(hash) !== each.leafHash;
    }).length;
  }
}

function same(one: Hash, other: Hash | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0;
}

/** What the writer told before it died; what is in the pipe then was told too. */
async function writeUntilKilled(
  folder: string,
  moment: { readonly afterBatches: number; readonly delayMs: number },
): Promise<readonly Told[]> {
  const program = join(import.meta.dirname, 'killed-writer.ts');
  const writer = spawn(process.execPath, [program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: `${folder}-compiled` },
  });
  const exit = once(writer, 'exit');
  const told: Told[] = [];
  if (moment.afterBatches === 0) killAfter(writer, moment.delayMs);
  for await (const line of linesOf(writer)) {
    const [index = '', hash = ''] = line.split(' ');
    told.push({ index: Number(index), leafHash: hash });
    if (told.length === moment.afterBatches * 2) killAfter(writer, moment.delayMs);
  }
  await exit;
  if (writer.signalCode !== 'SIGKILL') {
    throw new Error(`the writer ended by itself with ${writer.exitCode}`);
  }
  return told;
}

function killAfter(writer: ChildProcess, delayMs: number): void {
  setTimeout(() => writer.kill('SIGKILL'), delayMs);
}

function linesOf(writer: ChildProcess): Interface {
  if (writer.stdout === null) throw new Error('the writer has no standard output');
  return createInterface({ input: writer.stdout });
}
