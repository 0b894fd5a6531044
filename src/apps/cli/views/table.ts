import { padEnd, widthOf } from '../look.ts';

export interface Table {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Columns two spaces apart, each as wide as its widest cell; the last one is not padded. */
export function tableLines(table: Table, isHeadless: boolean): string[] {
  const all = isHeadless ? table.rows : [table.heads, ...table.rows];
  const widths = columnWidths(all);
  return all.map((row) => rowLine(row, widths));
}

export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
    }
  }
  return widths;
}

/** A cell wider than its column pushes the rest of its line, as when rows are added to a printed table. */
export function rowLine(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, index) => padEnd(cell, widths[index] ?? 0))
    .join('  ')
    .trimEnd();
}
