import { fit, type Look } from './look.ts';

/** A terminal that does not say its size, as many made by scripts, counts as this big. */
const fallbackSize = { columns: 80, rows: 24 };

/** The part of a terminal that a painter needs. */
export interface Canvas {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/**
 * A picture of lines that is repainted in place, for interactive screens only.
 *
 * P1. The cursor rests below the picture, so what others print, or a kill at any moment, leaves a readable screen.
 * P2. A line is overwritten and then cleared to its end, never cleared first: nothing flickers.
 * P3. The picture never is higher than the screen, since what has scrolled away cannot be painted over.
 * P4. After `leave` the next picture begins where the cursor is, below all that was said since.
 */
export class Painter {
  readonly #canvas: Canvas;
  readonly #look: Look;
  #height = 0;
  #shown = '';

  constructor(canvas: Canvas, look: Look) {
    this.#canvas = canvas;
    this.#look = look;
  }

  show(lines: readonly string[]): void {
    const columns = this.#canvas.columns || fallbackSize.columns;
    const rowsMax = (this.#canvas.rows || fallbackSize.rows) - 1;
    const look = { ...this.#look, columns };
    const fitting = cutToHeight(lines, rowsMax).map((line) => fit(look, line));
    const shown = fitting.join('\n');
    if (shown === this.#shown) return;
    // ECMA-48: CPL goes up to the start of a line, EL 0 clears the rest of it, ED 0 the rest of the screen.
    const up = this.#height === 0 ? '' : `\u001B[${this.#height}F`;
    const painted = fitting.map((line) => `${line}\u001B[K\n`).join('');
    this.#canvas.write(`${up}${painted}\u001B[J`);
    this.#shown = shown;
    this.#height = fitting.length;
  }

  /** The picture stays as it is: others have written below it, so that going up would miss its start. */
  leave(): void {
    this.#height = 0;
    this.#shown = '';
  }
}

function cutToHeight(lines: readonly string[], rowsMax: number): readonly string[] {
  if (lines.length <= rowsMax) return lines;
  const shownCount = Math.max(0, rowsMax - 1);
  return [...lines.slice(0, shownCount), `... ${lines.length - shownCount} more lines`];
}
