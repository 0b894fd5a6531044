import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { exportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import type { ExportedLedger } from '../../src/apps/verify/exported-ledger.fixture.ts';
import { parseCheckpoint } from '../../src/domain/evidence/checkpoint.ts';
import { parseNote } from '../../src/domain/evidence/signed-note.ts';
import { parsePolicy } from '../../src/domain/evidence/trust-policy.ts';
import { judgeWitnessRequest } from '../../src/domain/evidence/witness-rules.ts';
import { isBelieved } from './tamper-row.ts';
import type { TamperRow, TamperWork } from './tamper-row.ts';

export interface HistoryWork extends Pick<TamperWork, 'folder' | 'signal' | 'add'> {
  /** Folder of the keys: whoever tampers here holds all of them but the witness's. */
  readonly keys: string;
  readonly ledger: ExportedLedger;
  readonly size: number;
  readonly forks: number;
}

/**
 * What only the holder of the log's keys can do: entries signed anew, under the old checkpoint (a fork), or under a new one of the
 * log's own keys (a history rewritten), also with the old cosignature put under it; checkpoints of other times and ledgers.
 */
export async function tamperWithHistory(work: HistoryWork): Promise<void> {
  const { folder, keys, ledger, size, forks, signal, add } = work;
  const forked = new Count('forks under the old checkpoint', ledger.policyText);
  const rewritten = new Count('histories rewritten and signed anew', ledger.policyText);
  const swapped = new Count('checkpoints of a fork, another time or ledger', ledger.policyText);
  const asked = new Count('the same, asked of a witness that saw the log', ledger.policyText);
  const cosignature = ledger.note.trimEnd().split('\n').at(-1) ?? '';
  for (let n = 0; n < forks; n += 1) {
    signal.throwIfAborted();
    const options = { seed: 1, isWitnessed: false, fork: `other ${n}` };
    const fork = await exportedLedger(keys, size, options);
    await fork.writeTo(folder);
    for (const note of [fork.note, `${fork.note}${cosignature}\n`]) {
      await rewritten.add(folder, note);
    }
    await forked.add(folder, ledger.note);
    await ledger.writeTo(folder);
    await swapped.add(folder, fork.note);
    asked.addAnswer(isCosigned(ledger, fork.note, BigInt(size)));
    await ledger.writeTo(folder);
  }
  for (const options of [
    { seed: 2, isWitnessed: true },
    { seed: 1, isWitnessed: false },
  ]) {
    await swapped.add(folder, (await exportedLedger(keys, size, options)).note);
  }
  for (let before = 1; before < size; before += 1) {
    const { note } = await exportedLedger(keys, before, { seed: 1, isWitnessed: true });
    await swapped.add(folder, note);
    // A copy of yesterday is a whole ledger: of files alone nothing tells. The witness does.
    for (const oldSize of [0, before, size]) {
      asked.addAnswer(isCosigned(ledger, note, BigInt(oldSize)));
    }
  }
  await ledger.writeTo(folder);
  if (!(await isBelieved(folder, ledger.policyText))) throw new Error('the ledger is not believed');
  for (const each of [forked, rewritten, swapped, asked]) add(each.row());
  await rm(folder, { recursive: true, force: true });
}

/** Whether a witness that has cosigned the ledger cosigns this as well. */
function isCosigned(ledger: ExportedLedger, note: string, oldSize: bigint): boolean {
  const { size, root } = parseCheckpoint(parseNote(Buffer.from(ledger.note)).text);
  const keys = parsePolicy(ledger.policyText).logs.map(({ key }) => key);
  const request = { oldSize, proof: [], note };
  return judgeWitnessRequest(request, () => ({ keys, size, root })).kind === 'cosign';
}

class Count {
  readonly #name: string;
  readonly #policyText: string;
  readonly #unwitnessed: string;
  #tried = 0;
  #missed = 0;
  #missedLenient: number | null = null;
  #missedUnwitnessed: number | null = null;

  constructor(name: string, policyText: string) {
    this.#name = name;
    this.#policyText = policyText;
    // Its key stays known, so that a cosignature is not refused as a stranger's line.
    this.#unwitnessed = policyText.replace('quorum w', 'quorum none');
  }

  async add(folder: string, note: string): Promise<void> {
    await writeFile(join(folder, 'checkpoint'), note);
    this.#tried += 1;
    if (await isBelieved(folder, this.#policyText)) this.#missed += 1;
    const isLenient = await isBelieved(folder, this.#policyText, 'lenient');
    this.#missedLenient = (this.#missedLenient ?? 0) + (isLenient ? 1 : 0);
    const isAlone = await isBelieved(folder, this.#unwitnessed);
    this.#missedUnwitnessed = (this.#missedUnwitnessed ?? 0) + (isAlone ? 1 : 0);
  }

  addAnswer(isMissed: boolean): void {
    this.#tried += 1;
    if (isMissed) this.#missed += 1;
  }

  row(): TamperRow {
    return {
      name: this.#name,
      tried: this.#tried,
      harmless: 0,
      missed: this.#missed,
      missedLenient: this.#missedLenient,
      missedUnwitnessed: this.#missedUnwitnessed,
    };
  }
}
