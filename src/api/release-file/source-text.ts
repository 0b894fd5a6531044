import type { Problem } from './problem.ts';

/** A file's text, and where its lines begin. */
export class SourceText {
  readonly path: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.#lineStarts = lineStartsOf(text);
  }

  placeAt(offset: number): { readonly line: number; readonly column: number } {
    const inside = Math.max(0, Math.min(offset, this.text.length));
    const index = lastAtOrBefore(this.#lineStarts, inside);
    return { line: index + 1, column: inside - (this.#lineStarts[index] ?? 0) + 1 };
  }

  problemAt(offset: number, message: string, hint: string | null = null): Problem {
    const { line, column } = this.placeAt(offset);
    return { path: this.path, line, column, message, hint, sourceLine: this.#line(line) };
  }

  #line(line: number): string {
    const start = this.#lineStarts[line - 1] ?? 0;
    const next = this.#lineStarts[line];
    return this.text.slice(start, next).replace(/\r?\n?$/, '');
  }
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** Index of the last start that is not after `offset`; the first start is 0. */
function lastAtOrBefore(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? Infinity) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
