import type { CallerPeer } from '../identity/caller-peer.ts';
import type { OctetSocket } from './octet-socket.ts';
import { type RequestBuffer, type RequestBuffers, requestBytes } from './scratch.ts';
import type { Postponed, WriteTurn } from './write-turn.ts';

interface CallerSocketParts {
  readonly writeTurn: WriteTurn;
  readonly requestBuffers: RequestBuffers;
}

/** A caller's connection, on which a small answer can wait for the end of the turn (write-turn.ts). */
export class CallerSocket implements OctetSocket, Postponed {
  /** A postponed answer was written, and the caller has had enough until 'drain'. */
  onFull = (): void => {};
  readonly peer: CallerPeer | null;
  readonly #parts: CallerSocketParts;
  readonly #socket: OctetSocket;
  /** Octets go from it to the kernel at once. */
  readonly #isDirect: boolean;
  #answer: RequestBuffer | null = null;
  #answerBytes = 0;

  constructor(
    parts: CallerSocketParts,
    socket: OctetSocket,
    { isDirect, peer = null }: { readonly isDirect: boolean; readonly peer?: CallerPeer | null },
  ) {
    this.#parts = parts;
    this.#socket = socket;
    this.#isDirect = isDirect;
    this.peer = peer;
  }

  get connecting(): boolean {
    return this.#socket.connecting;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  get writableNeedDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** Writes a copy of a whole answer at the end of the turn. False: it must be written now. */
  writeSoon(answer: Buffer, bytes: number): boolean {
    if (!this.#isDirect || this.#socket.writableLength > 0) return false;
    const { requestBuffers, writeTurn } = this.#parts;
    if (bytes > requestBytes) return false;
    this.writeNow();
    const buffer = requestBuffers.take(bytes);
    answer.copy(buffer.bytes, 0, 0, bytes);
    this.#answer = buffer;
    this.#answerBytes = bytes;
    writeTurn.add(this);
    return true;
  }

  writeNow(): void {
    const answer = this.#answer;
    if (answer === null) return;
    this.#answer = null;
    const isTaken = !this.#socket.writable || this.#socket.write(answer.first(this.#answerBytes));
    // What the kernel has not taken is still needed.
    if (this.#socket.writableLength === 0) this.#parts.requestBuffers.giveBack(answer);
    if (!isTaken) this.onFull();
  }

  write(bytes: Buffer | string): boolean {
    this.writeNow();
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.writeNow();
    this.#socket.end();
  }

  destroy(error?: Error): void {
    this.writeNow();
    this.#socket.destroy(error);
  }

  resetAndDestroy(): void {
    this.writeNow();
    this.#socket.resetAndDestroy();
  }

  on(event: 'data', listener: (chunk: Buffer) => void): void;
  on(event: 'connect' | 'drain' | 'end' | 'close', listener: () => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  on(event: never, listener: never): void {
    this.#socket.on(event, listener);
  }
}
