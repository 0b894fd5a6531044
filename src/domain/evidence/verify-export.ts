import { EvidenceError } from './canonical-json.ts';
import {
  isTrailerLine,
  MAX_LINE_BYTES,
  originOf,
  readExportHeader,
  readExportTrailer,
} from './export-format.ts';
import { openVerification } from './verify-ledger.ts';
import type {
  LedgerVerification,
  VerificationOptions,
  VerificationReport,
} from './verify-ledger.ts';

export interface ExportReport extends VerificationReport {
  /** The ledger's name as the file gives it; null when it could not be read. */
  readonly origin: string | null;
  /** What is proven by this file and what is not, in one sentence for people. */
  readonly proves: string;
}

/** Verifies an exported ledger from its lines alone: no network, no clock, no state. */
export async function verifyExport(
  lines: AsyncIterable<string>,
  options: VerificationOptions,
): Promise<ExportReport> {
  return verifyContinued(lines, openVerification(options), options);
}

/** As `verifyExport`, for an export that leaves out the entries that `ledger` was given already; it is given the others. */
export async function verifyContinued(
  lines: AsyncIterable<string>,
  ledger: LedgerVerification,
  options: VerificationOptions,
): Promise<ExportReport> {
  const check = new ExportCheck(ledger);
  for await (const line of lines) {
    if (!check.add(line)) break;
  }
  return check.finish(options);
}

class ExportCheck {
  readonly #ledger: LedgerVerification;
  #origin: string | null = null;
  #hasTrailer = false;
  #lines = 0;
  /** Wrong with the file around the entries; `index` is how many entries came before. */
  #problem: { readonly index: number; readonly what: string } | null = null;

  constructor(ledger: LedgerVerification) {
    this.#ledger = ledger;
  }

  /** Whether further lines are of interest. */
  add(line: string): boolean {
    this.#lines += 1;
    try {
      this.#take(line);
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      this.#problem = {
        index: this.#ledger.entries,
        what: `line ${this.#lines}: ${error.message}`,
      };
    }
    return this.#problem === null;
  }

  finish(options: VerificationOptions): ExportReport {
    const ledger = this.#ledger.finish();
    if (this.#problem === null && !this.#hasTrailer) {
      this.#problem = {
        index: this.#ledger.entries,
        what: 'the trailer is missing: the file was cut off',
      };
    }
    // The earlier one: what is wrong with the file before any entry, else the entries, else what comes after them.
    const firstProblem =
      ledger.entries === 0
        ? (this.#problem ?? ledger.firstProblem)
        : (ledger.firstProblem ?? this.#problem);
    const report = { ...ledger, valid: firstProblem === null, firstProblem, origin: this.#origin };
    return { ...report, proves: provesOf(report, options) };
  }

  #take(line: string): void {
    if (line.length > MAX_LINE_BYTES)
      throw new EvidenceError(`it is longer than ${MAX_LINE_BYTES}`);
    if (this.#lines === 1) {
      this.#origin = readExportHeader(line);
      return;
    }
    if (this.#hasTrailer) throw new EvidenceError('it comes after the trailer');
    if (isTrailerLine(line)) {
      this.#checkTrailer(line);
      return;
    }
    this.#ledger.add(Buffer.from(line, 'latin1'));
  }

  #checkTrailer(line: string): void {
    const { trailer, envelope } = readExportTrailer(line);
    const ledger = this.#ledger.finish();
    // When an entry is wrong already, that is the problem to show, and the keys are not complete.
    this.#hasTrailer = true;
    if (!ledger.valid) return;
    this.#ledger.keys.checkSignature(ledger.entries, envelope);
    if (trailer.count !== ledger.entries) {
      throw new EvidenceError(
        `the trailer counts ${trailer.count} entries, the file has ${ledger.entries}`,
      );
    }
    if (trailer.headLeafHash !== ledger.headLeafHash) {
      throw new EvidenceError("the trailer's head is not the last entry");
    }
    const origin = originOf(this.#ledger.firstEntryHash ?? '');
    if (trailer.origin !== origin || this.#origin !== origin) {
      throw new EvidenceError(`the file says it is of another ledger than ${origin}`);
    }
  }
}

function provesOf(report: Omit<ExportReport, 'proves'>, options: VerificationOptions): string {
  if (report.firstProblem !== null) {
    const { index, what } = report.firstProblem;
    return `Nothing is proven: at entry ${index}, ${what}.`;
  }
  const whose =
    options.trustedKeyId === null
      ? `one holder of key ${report.keyIds[0]}, which the file itself names`
      : `the holder of the trusted key ${options.trustedKeyId}`;
  const rewritten =
    options.trustedKeyId === null
      ? ' that it is not a whole ledger rewritten with another key (give the key id to rule that out),'
      : '';
  return (
    `Proven: these ${report.entries} entries were signed, in this order and with none missing among them, by ${whose}; ` +
    `not proven:${rewritten} that no later entries exist or that the holder of the key never rewrote them ` +
    '(nothing outside the file anchors it), and the content of blobs, of which it holds the digests only.'
  );
}
