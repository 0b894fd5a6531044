/** Something wrong with a release file, at its place. Any problem refuses the whole set of files. */
export interface Problem {
  readonly path: string;
  /** Counts from 1. */
  readonly line: number;
  /** Counts from 1, in UTF-16 units as editors count. */
  readonly column: number;
  /** One line without a full stop at its end. */
  readonly message: string;
  /** What to write instead; null: nothing to suggest. */
  readonly hint: string | null;
  /** The line of the file as it stands there; empty when the file has no such line. */
  readonly sourceLine: string;
}

/** Characters of the offending line that are shown; a longer one is cut around the place. */
const shownWidth = 120;

/**
 * The problem as a compiler shows it: `path:line:column: message; hint`, the offending line, a caret under the place.
 * Control characters are replaced, so a file cannot steer the terminal that shows its problems.
 */
export function formatProblem(problem: Problem): string {
  const hint = problem.hint === null ? '' : `; ${problem.hint}`;
  const place = `${problem.path}:${problem.line}:${problem.column}`;
  const headline = printable(`${place}: ${problem.message}${hint}`);
  if (problem.sourceLine.trim() === '') return headline;
  const { text, caretIndex } = cutAround(problem.sourceLine, problem.column - 1);
  // Tabs stay tabs in the padding, so the caret stands right however wide the terminal draws them.
  const padding = text.slice(0, caretIndex).replace(/[^\t]/g, ' ');
  return `${headline}\n  ${printable(text)}\n  ${padding}^`;
}

function cutAround(line: string, index: number): { text: string; caretIndex: number } {
  if (line.length <= shownWidth) return { text: line, caretIndex: Math.min(index, line.length) };
  const start = Math.max(0, Math.min(index - shownWidth / 2, line.length - shownWidth));
  const before = start > 0 ? '…' : '';
  const after = start + shownWidth < line.length ? '…' : '';
  const text = `${before}${line.slice(start, start + shownWidth)}${after}`;
  return { text, caretIndex: index - start + before.length };
}

/** Every control character but the tab becomes a visible sign; lone surrogates become U+FFFD. */
function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (c) => (c === '\t' ? c : '·'))
    .toWellFormed();
}
