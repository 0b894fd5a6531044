/** A part of a document that `bench/gates/draw.ts` writes and a test compares. */
export interface WrittenBlock {
  readonly name: string;
  readonly text: string;
}

/** `15.39`, `0.05325`, `1.2e+7`: four figures, as the documents show them. */
export function figure(value: number, figures = 4): string {
  const short = Number(value.toPrecision(figures));
  return Math.abs(short) >= 1e6 || (short !== 0 && Math.abs(short) < 1e-4)
    ? short.toExponential()
    : short.toLocaleString('en-US', { maximumSignificantDigits: figures });
}
