/** Cuts a stream of bytes into lines of UTF-8 text; a line longer than `bytesMax` is refused, not kept. */
export class LineSplitter {
  readonly #bytesMax: number;
  #parts: Buffer[] = [];
  #sizeBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Complete lines without their newline, or 'too-long': the stream can't be trusted any more. */
  push(chunk: Buffer): readonly string[] | 'too-long' {
    const lines: string[] = [];
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (this.#sizeBytes + end > this.#bytesMax) return 'too-long';
      lines.push(Buffer.concat([...this.#parts, rest.subarray(0, end)]).toString('utf8'));
      this.#parts = [];
      this.#sizeBytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (this.#sizeBytes + rest.length > this.#bytesMax) return 'too-long';
    if (rest.length > 0) this.#parts.push(rest);
    this.#sizeBytes += rest.length;
    return lines;
  }
}
