import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import {
  parsePolicyFile,
  type PolicyDocument,
} from '../../../api/release-file/parse-policy-file.ts';
import { backtest as runBacktest } from '../../../control/replay/backtest.ts';
import type { RecordedEntry } from '../../../control/recording/recorder.ts';
import { publishedRules } from '../../../domain/gate/fixed-threshold-rules.ts';
import { backtestLines } from '../backtest/backtest-lines.ts';
import {
  type BacktestRow,
  backtestReport,
  rowOf,
  type SkippedRow,
} from '../backtest/backtest-report.ts';
import { CliError } from '../cli-error.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { openLedger } from '../ledger/ledger-source.ts';
import { print, say, type Session } from '../session.ts';
import { problemLines } from '../views/problem-lines.ts';

export interface BacktestOptions {
  readonly policy: string;
  readonly ledger?: string;
  readonly key?: string;
  readonly service?: string;
  readonly rollout?: string;
  /** Unix epoch. */
  readonly since?: number;
  readonly peers?: boolean;
  readonly output?: DataFormat;
}

/** What another policy would have decided. Exit code 0 whatever it is: a back-test finds out, it does not check. */
export async function backtest(session: Session, options: BacktestOptions): Promise<ExitCode> {
  const policies = await readPolicies(session, options.policy);
  const rules = options.peers === true ? publishedRules : [];
  const rows: BacktestRow[] = [];
  const skipped: SkippedRow[] = [];
  await using ledger = await openLedger(session, options);
  const progress = new Progress(session, ledger.entryCount);
  const question = {
    policyOf: (service: string) => policyFor(policies, service),
    isWanted: ({ rolloutId, service, startedAtMs }: Wanted) =>
      (options.service === undefined || options.service === service) &&
      (options.rollout === undefined || options.rollout === rolloutId) &&
      startedAtMs >= (options.since ?? 0),
  };
  const entries = progress.counted(ledger.entries());
  for await (const finding of runBacktest(entries, ledger.readBlob, question)) {
    // A rollout's traffic by the second is needed here only: a long ledger has many.
    if (finding.kind === 'judged') rows.push(rowOf(finding.rollout, rules));
    else skipped.push(finding.rollout);
    progress.found(rows.length);
    session.signal.throwIfAborted();
  }
  if (rows.length + skipped.length === 0) throw nothingFound(policies, options);
  const report = backtestReport({ policies, rows, skipped, rules });
  if (options.output === undefined) print(session, backtestLines(report, session.look));
  else await printData(session, report, options.output);
  return exitCodes.ok;
}

interface Wanted {
  readonly rolloutId: string;
  readonly service: string;
  readonly startedAtMs: number;
}

function policyFor(policies: readonly PolicyDocument[], service: string): PolicyDocument | null {
  return policies.find((each) => each.service === null || each.service === service) ?? null;
}

async function readPolicies(session: Session, file: string): Promise<readonly PolicyDocument[]> {
  const path = resolve(session.workingFolder, file);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const why = isMissing ? 'no such file' : String(cause);
    throw new CliError(`cannot read ${path}: ${why}`, { code: 'unreadable', cause });
  }
  const { policies, problems } = parsePolicyFile({ path, text });
  if (problems.length === 0) return policies;
  const { talkLook: look, workingFolder } = session;
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
  throw new CliError(`${count} in the policy file`, {
    code: 'refused',
    lines: problemLines([...problems], { look, workingFolder }),
  });
}

function nothingFound(policies: readonly PolicyDocument[], options: BacktestOptions): CliError {
  const named = policies.flatMap(({ service }) => (service === null ? [] : [service]));
  const whose = named.length === 0 ? '' : ` of ${named.join(', ')}`;
  const { rollout, service } = options;
  const which = rollout ?? service;
  return new CliError(
    `the ledger has no rollout${whose} to judge${which === undefined ? '' : ` for "${which}"`}`,
    {
      code: 'usage',
      remedy:
        'list what there is: tidegate get rollouts; a document of kind Policy is for every service',
    },
  );
}

/** A long ledger takes minutes, and a person wants to see that it goes on. */
class Progress {
  readonly #session: Session;
  readonly #entryCount: number;
  #read = 0;
  #found = 0;
  #nextAtMs = performance.now() + firstSayMs;

  constructor(session: Session, entryCount: number) {
    this.#session = session;
    this.#entryCount = entryCount;
  }

  async *counted(entries: AsyncIterable<RecordedEntry>): AsyncIterable<RecordedEntry> {
    for await (const entry of entries) {
      this.#session.signal.throwIfAborted();
      this.#read += 1;
      this.#say();
      yield entry;
    }
  }

  found(count: number): void {
    this.#found = count;
  }

  #say(): void {
    if (performance.now() < this.#nextAtMs) return;
    this.#nextAtMs = performance.now() + sayMs;
    const percent = Math.floor((100 * this.#read) / Math.max(1, this.#entryCount));
    say(
      this.#session,
      `Read ${this.#read} of ${this.#entryCount} entries (${percent} %), ${this.#found} rollouts ...`,
    );
  }
}

const firstSayMs = 2000;
const sayMs = 5000;
