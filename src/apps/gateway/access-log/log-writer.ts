import { constants, fstat, open, stat, write, close } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeFile = promisify(write);
const statFile = promisify(stat);
const statDescriptor = promisify(fstat);

const blockBytes = 64 * 1024;
/** 2 MB: what a stalled disk may hold up. */
const blocksMax = 32;
const flushMs = 200;
const lookEveryMs = 1000;
const againMs = 50;
const lastFlushMs = 3000;
const standardOutput = '-';

export interface LogWriterOptions {
  /** `-`: standard output. */
  readonly path: string;
  /** Makes the line that tells how many are missing before it. */
  readonly dropLine: (count: number) => string;
  readonly log: (message: string) => void;
}

/**
 * Writes lines to a file without ever keeping anybody waiting: lines are copied into blocks made once, and the system writes
 * blocks one after the other in another thread. When all blocks are full, lines are dropped and counted, and the log itself
 * says so as soon as there is room.
 *
 * - W1. A line is in the file whole: blocks end where lines end, and the file is only ever appended to, so several processes
 *   may write to the same one.
 * - W2. A file that was renamed or removed is left within a second, or at once by `reopen`, and one of its name begun.
 */
export class LogWriter implements AsyncDisposable {
  readonly #options: LogWriterOptions;
  readonly #spare: Block[] = [];
  readonly #filled: Block[] = [];
  readonly #timer: NodeJS.Timeout;
  #descriptor: number;
  #made = 0;
  #block: Block | null = null;
  #writing: Promise<void> | null = null;
  #written = 0;
  #dropped = 0;
  #untoldDrops = 0;
  #lookedAtMs = 0;
  #isReopenAsked = false;
  #isClosed = false;
  #hasTrouble = false;

  /** Rejects with the system's error when the file cannot be opened. */
  static async open(options: LogWriterOptions): Promise<LogWriter> {
    return new LogWriter(options, await openLog(options.path));
  }

  private constructor(options: LogWriterOptions, descriptor: number) {
    this.#options = options;
    this.#descriptor = descriptor;
    this.#timer = setInterval(() => this.flush(), flushMs);
    this.#timer.unref();
  }

  /** Lines, since the start. */
  get counts(): { readonly written: number; readonly dropped: number } {
    return { written: this.#written, dropped: this.#dropped };
  }

  /** `line` is ASCII and ends in a line feed. */
  write(line: string): void {
    if (this.#untoldDrops > 0) this.#tellDrops();
    if (this.#untoldDrops > 0 || !this.#append(line)) this.#drop(1);
  }

  /** Has what there is written. */
  flush(): void {
    if (this.#untoldDrops > 0) this.#tellDrops();
    if (this.#block !== null && this.#block.length > 0) this.#fill();
    if (this.#writing !== null || (this.#filled.length === 0 && !this.#isReopenAsked)) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  /** The file was moved away: begins another one of its name. */
  reopen(): void {
    this.#isReopenAsked = true;
    this.flush();
  }

  /** Writes what there is, within a bound. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const untilMs = performance.now() + lastFlushMs;
    while (performance.now() < untilMs) {
      this.flush();
      if (this.#writing === null) break;
      await Promise.race([this.#writing, pause(againMs)]);
    }
    this.#isClosed = true;
    if (this.#writing === null && this.#options.path !== standardOutput) {
      await closeFile(this.#descriptor);
    }
  }

  #append(line: string): boolean {
    if (this.#block !== null && this.#block.length + line.length > blockBytes) this.#fill();
    this.#block ??= this.#spare.pop() ?? this.#newBlock();
    if (this.#block === null || line.length > blockBytes) return false;
    this.#block.length += this.#block.bytes.write(line, this.#block.length, 'latin1');
    this.#block.lines += 1;
    return true;
  }

  #newBlock(): Block | null {
    if (this.#made === blocksMax) return null;
    this.#made += 1;
    return { bytes: Buffer.allocUnsafeSlow(blockBytes), length: 0, lines: 0 };
  }

  #fill(): void {
    if (this.#block !== null) this.#filled.push(this.#block);
    this.#block = null;
    if (this.#writing === null && this.#filled.length === 1) setImmediate(() => this.flush());
  }

  #drop(lines: number): void {
    this.#dropped += lines;
    this.#untoldDrops += lines;
  }

  #tellDrops(): void {
    if (this.#append(this.#options.dropLine(this.#untoldDrops))) this.#untoldDrops = 0;
  }

  async #writeAll(): Promise<void> {
    await this.#look();
    for (let block = this.#filled.shift(); block !== undefined; block = this.#filled.shift()) {
      const isWritten = await this.#writeBlock(block);
      if (isWritten) this.#written += block.lines;
      else this.#drop(block.lines);
      block.length = 0;
      block.lines = 0;
      this.#spare.push(block);
    }
  }

  /** False: not all of it could be written. */
  async #writeBlock({ bytes, length }: Block): Promise<boolean> {
    let at = 0;
    while (at < length) {
      try {
        const { bytesWritten } = await writeFile(this.#descriptor, bytes, at, length - at, null);
        at += bytesWritten;
        this.#trouble(null);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'EAGAIN') {
          this.#trouble(error);
          return false;
        }
        // A pipe whose reader is behind.
        if (this.#isClosed) return false;
        await pause(againMs);
      }
    }
    return true;
  }

  async #look(): Promise<void> {
    const { path } = this.#options;
    const nowMs = performance.now();
    const isAsked = this.#isReopenAsked;
    this.#isReopenAsked = false;
    if (path === standardOutput || (!isAsked && nowMs - this.#lookedAtMs < lookEveryMs)) return;
    this.#lookedAtMs = nowMs;
    try {
      if (!isAsked && (await isOpenAs(this.#descriptor, path))) return;
      const descriptor = await openLog(path);
      await closeFile(this.#descriptor);
      this.#descriptor = descriptor;
    } catch (error) {
      // It goes on with the file it has.
      this.#trouble(error);
    }
  }

  /** Told once until it is over. */
  #trouble(error: unknown): void {
    if (error !== null && !this.#hasTrouble) {
      const why = error instanceof Error ? error.message : JSON.stringify(error);
      this.#options.log(`the access log cannot be written, lines are dropped: ${why}`);
    }
    this.#hasTrouble = error !== null;
  }
}

/** Rejects with the system's error when no log can be written there. */
export async function checkLog(path: string): Promise<void> {
  if (path !== standardOutput) await closeFile(await openLog(path));
}

interface Block {
  readonly bytes: Buffer;
  length: number;
  lines: number;
}

/** Never waits for a reader: a pipe that nobody reads must not hold a thread, or the process at its end. */
function openLog(path: string): Promise<number> {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK } = constants;
  const flags = O_APPEND | O_WRONLY | O_NONBLOCK;
  if (path !== standardOutput) return openFile(path, flags | O_CREAT, 0o600);
  // A description of our own, so that the flags are ours alone; a socket cannot be opened so, and is taken as it is.
  return openFile('/proc/self/fd/1', flags).catch(() => 1);
}

async function isOpenAs(descriptor: number, path: string): Promise<boolean> {
  const own = await statDescriptor(descriptor);
  const named = await statFile(path).catch(() => null);
  return named !== null && named.ino === own.ino && named.dev === own.dev;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
