import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { exportLines, isTrailerLine } from '../../src/domain/evidence/export-format.ts';
import { readLeaf } from '../../src/domain/evidence/leaf.ts';
import { verifyExport } from '../../src/domain/evidence/verify-export.ts';
import type { World } from '../world.ts';

/** A head of the ledger that the server has shown to somebody. */
export interface ShownHead {
  readonly entries: number;
  readonly headLeafHash: string | null;
}

export interface LedgerCheck {
  readonly entries: number;
  readonly rollouts: number;
  /** What is wrong, in sentences; empty: nothing. */
  readonly problems: readonly string[];
}

/**
 * Exports the ledger and reads it offline: signatures, chain and contiguous streams (verifyExport); every head that was
 * ever shown is still there under its index; every rollout has one beginning and one end and nothing after it.
 */
export async function checkLedger(
  world: World,
  shown: readonly ShownHead[],
  startedRollouts: ReadonlySet<string>,
): Promise<LedgerCheck> {
  const path = join(world.stateFolder, 'bench-export.jsonl');
  const { keyId } = (await world.status()).ledger;
  await world.tidegate('verify', '--save', path, '--key', keyId);
  const report = await verifyExport(exportLines(createReadStream(path)), { trustedKeyId: keyId });
  const problems = report.firstProblem === null ? [] : [report.firstProblem.what];
  const { hashes, decisions } = await readEntries(path);
  for (const { entries, headLeafHash } of shown) {
    if (entries > 0 && hashes[entries - 1] !== headLeafHash) {
      problems.push(`entry ${entries - 1} is not the one that was shown as ${headLeafHash}`);
    }
  }
  for (const [rolloutId, kinds] of decisions) problems.push(...problemsOf(rolloutId, kinds));
  for (const rolloutId of startedRollouts) {
    if (!decisions.has(rolloutId)) problems.push(`nothing is recorded of rollout ${rolloutId}`);
  }
  return { entries: hashes.length, rollouts: decisions.size, problems };
}

const endings = new Set(['promoted', 'rolled-back']);

function problemsOf(rolloutId: string, kinds: readonly string[]): readonly string[] {
  const starts = kinds.filter((kind) => kind === 'start').length;
  const ends = kinds.filter((kind) => endings.has(kind)).length;
  // Each start of the server writes what it found about the newest rollout, ended or not.
  const isLast = endings.has(kinds.findLast((kind) => kind !== 'recover') ?? '');
  if (starts === 1 && ends === 1 && isLast) return [];
  return [`rollout ${rolloutId} has ${starts} starts and ${ends} ends: ${kinds.join(', ')}`];
}

async function readEntries(path: string): Promise<{
  readonly hashes: readonly string[];
  readonly decisions: ReadonlyMap<string, readonly string[]>;
}> {
  const hashes: string[] = [];
  const decisions = new Map<string, string[]>();
  let isHeader = true;
  for await (const line of exportLines(createReadStream(path))) {
    if (!isHeader && !isTrailerLine(line)) {
      const { leafHash, statement } = readLeaf(Buffer.from(line, 'latin1'));
      hashes.push(leafHash);
      const { rolloutId, decision } = statement.data as {
        readonly rolloutId?: string | null;
        readonly decision?: string;
      };
      if (rolloutId !== undefined && rolloutId !== null && decision !== undefined) {
        const kinds = decisions.get(rolloutId) ?? [];
        decisions.set(rolloutId, kinds);
        kinds.push(decision);
      }
    }
    isHeader = false;
  }
  return { hashes, decisions };
}
