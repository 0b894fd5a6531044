/**
 * The Prometheus text exposition format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats, "Text format
 * details"): one sample a line, `name{label="value",...} value [timestamp]`, tokens apart by blanks or tabs, comments and
 * metadata behind `#`, the last line ended by a line feed like all others.
 *
 * Strict: a text that breaks the format anywhere is refused whole, with the place. A body that was cut off must not pass for
 * counters that have stood still.
 */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
  /** As written. */
  readonly valueText: string;
  /** Counts from 1. */
  readonly line: number;
}

export interface Exposition {
  readonly samples: readonly Sample[];
  /** By the name in the TYPE line. */
  readonly types: ReadonlyMap<string, string>;
}

export interface ExpositionFault {
  /** `line 3, column 17: ...`. */
  readonly fault: string;
}

/** Only samples that `isWanted` by name are kept; all are checked. */
export function parseExposition(
  text: string,
  isWanted: (name: string) => boolean,
): Exposition | ExpositionFault {
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  let start = 0;
  let lineNumber = 0;
  while (start < text.length) {
    lineNumber += 1;
    const end = text.indexOf('\n', start);
    if (end < 0) return { fault: `line ${lineNumber}: it has no end; was the text cut off?` };
    if (lineNumber > lineCountMax) return { fault: `there are more than ${lineCountMax} lines` };
    const scanner = new LineScanner(text.slice(start, end), lineNumber);
    try {
      readLine(scanner, { samples, types, isWanted });
    } catch (error) {
      if (error instanceof Misplaced) return { fault: error.message };
      throw error;
    }
    start = end + 1;
  }
  return { samples, types };
}

/** Ten times what a large service has. */
const lineCountMax = 100_000;
const labelCountMax = 64;
const typeNames = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

interface Found {
  readonly samples: Sample[];
  readonly types: Map<string, string>;
  readonly isWanted: (name: string) => boolean;
}

/** Caught where the text is parsed, never further. */
class Misplaced extends Error {}

function readLine(scanner: LineScanner, found: Found): void {
  scanner.skipBlanks();
  if (scanner.isAtEnd) return;
  if (scanner.takes('#')) readMetadata(scanner, found.types);
  else readSample(scanner, found);
}

function readMetadata(scanner: LineScanner, types: Map<string, string>): void {
  scanner.skipBlanks();
  const keyword = scanner.match(/[^ \t]*/y) ?? '';
  if (keyword !== 'HELP' && keyword !== 'TYPE') return;
  scanner.skipBlanks();
  const name = scanner.match(namePattern) ?? scanner.fail('a metric name');
  if (keyword === 'HELP') return;
  scanner.skipBlanks();
  const at = scanner.column;
  const type = scanner.match(/[^ \t]+/y) ?? scanner.fail('a type');
  if (!typeNames.has(type)) scanner.fail('counter, gauge, histogram, summary or untyped', at);
  if (types.has(name)) scanner.fail(`one TYPE of ${name}, but this is the second`, at);
  types.set(name, type);
  scanner.skipBlanks();
  if (!scanner.isAtEnd) scanner.fail('the end of the line');
}

function readSample(scanner: LineScanner, { samples, isWanted }: Found): void {
  const name = scanner.match(namePattern) ?? scanner.fail('a metric name');
  scanner.skipBlanks();
  const labels = readLabels(scanner);
  scanner.skipBlanks();
  const at = scanner.column;
  const valueText = scanner.match(/[^ \t]+/y) ?? scanner.fail('a value');
  const value = numberOf(valueText) ?? scanner.fail('a number', at);
  scanner.skipBlanks();
  if (!scanner.isAtEnd && scanner.match(/-?\d+(?=[ \t]|$)/y) === null) scanner.fail('a timestamp');
  scanner.skipBlanks();
  if (!scanner.isAtEnd) scanner.fail('the end of the line');
  if (isWanted(name)) samples.push({ name, labels, value, valueText, line: scanner.line });
}

function readLabels(scanner: LineScanner): ReadonlyMap<string, string> {
  if (!scanner.takes('{')) return noLabels;
  const labels = new Map<string, string>();
  for (;;) {
    scanner.skipBlanks();
    if (scanner.takes('}')) return labels;
    const at = scanner.column;
    const label = scanner.match(labelPattern) ?? scanner.fail('a label name or }');
    if (labels.has(label)) scanner.fail(`each label once, but ${label} is there twice`, at);
    if (labels.size >= labelCountMax) scanner.fail(`at most ${labelCountMax} labels`, at);
    scanner.skipBlanks();
    if (!scanner.takes('=')) scanner.fail('=');
    scanner.skipBlanks();
    if (!scanner.takes('"')) scanner.fail('"');
    const value = scanner.match(/(?:[^"\\]|\\[\\"n])*(?=")/y) ?? scanner.fail('a value ended by "');
    scanner.takes('"');
    labels.set(label, value.includes('\\') ? unescaped(value) : value);
    scanner.skipBlanks();
    if (scanner.takes('}')) return labels;
    if (!scanner.takes(',')) scanner.fail(', or }');
  }
}

const noLabels: ReadonlyMap<string, string> = new Map();
const namePattern = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const labelPattern = /[a-zA-Z_][a-zA-Z0-9_]*/y;

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

/** As Go's ParseFloat reads decimal numbers; null: it is none. */
function numberOf(text: string): number | null {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(text) ? Number.NaN : null;
}

class LineScanner {
  readonly line: number;
  readonly #text: string;
  #at = 0;

  constructor(text: string, line: number) {
    this.#text = text;
    this.line = line;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Counts from 1. */
  get column(): number {
    return this.#at + 1;
  }

  skipBlanks(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at += 1;
  }

  takes(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  /** `pattern` is sticky. */
  match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  fail(wanted: string, column = this.column): never {
    const found = this.#text.slice(column - 1, column + 19);
    const what = found === '' ? 'the line ends' : `there is ${JSON.stringify(found)}`;
    throw new Misplaced(
      `line ${this.line}, column ${column}: there should be ${wanted}, but ${what}`,
    );
  }
}
