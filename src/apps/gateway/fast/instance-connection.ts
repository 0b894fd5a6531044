import { connect } from 'node:net';
import type { Endpoint } from '../../../domain/traffic/routing/route-table.ts';
import type { ResponseHead } from '../http1/head.ts';
import type { RecalledHead } from '../http1/recalled-head.ts';
import type { InstanceTls } from '../instance-tls.ts';
import type { InstanceSessions } from '../http2/instance-sessions.ts';
import { withLastWords } from './last-words.ts';
import type { OctetSocket } from './octet-socket.ts';
import type { Postponed, WriteTurn } from './write-turn.ts';

/** What hears of a connection while it has it. Nothing is told after `closed` or `connectFailed`. */
export interface ConnectionUser {
  /** It is connected: the request may be written. Not told of one that was connected when it was given. */
  readonly connected: () => void;
  readonly connectFailed: (error: Error) => void;
  /** Octets of the answer; they must be written or copied before this returns, or `keepBuffer` be called. */
  readonly read: (bytes: Buffer) => void;
  /** The connection takes more after it had enough. */
  readonly drained: () => void;
  /** It has ended; null: in order, by the instance. */
  readonly closed: (error: Error | null) => void;
}

export interface ConnectionOwner {
  /** What its instance has answered last. */
  readonly answers: RecalledHead<ResponseHead>;
  /** Once: it is no more. */
  readonly onClosed: (connection: InstanceConnection) => void;
}

const firstReadBytes = 16 * 1024;
/** What the kernel gives in one read at most here; bigger ones gain nothing measurable. */
const readBytesMax = 64 * 1024;

/** Of plaintext in one record (RFC 8446 section 5.1). */
const recordBytesMax = 16 * 1024;

/** Whoever has a message written at the end of the turn. */
export interface SoonWriter {
  /** It was written; what the kernel has not taken (`isWaiting`) is still needed. */
  readonly written: (isTaken: boolean, isWaiting: boolean) => void;
}

/**
 * One connection to an instance. It reads into a buffer of its own again and again, since most answers are gone from it
 * before the next comes; when an answer could not be handed on at once, the buffer is left to whoever has it and another
 * one is taken.
 */
export class InstanceConnection implements Postponed {
  /** The exchange that has it; null: it is idle, or closing. */
  user: ConnectionUser | null = null;
  /** Answers it has carried. */
  served = 0;
  /** On the clock of `performance.now()`: since when nothing is asked of it, and until when that may be. */
  idleSinceMs = 0;
  idleUntilMs = 0;
  /** The instance has said how long it keeps it. */
  isPromised = false;
  /** Until when it must be connected. */
  readonly connectUntilMs: number;
  readonly #owner: ConnectionOwner;
  readonly #socket: OctetSocket & { readonly isUntouched?: boolean };
  #buffer = Buffer.allocUnsafeSlow(firstReadBytes);
  /** Of the last read; another one than `#buffer` when the next read goes elsewhere already. */
  #lastRead: Buffer | null = null;
  #viewed: Buffer = this.#buffer;
  #view: Buffer = this.#buffer;
  /** Octets go from it to the kernel at once. */
  readonly #isDirect: boolean;
  /** Null: without TLS. */
  readonly #tls: InstanceTls | null;
  #soon: Buffer | null = null;
  #soonWriter: SoonWriter | null = null;
  #wasConnected = false;
  #isPaused = false;
  #isClosed = false;
  #error: Error | null = null;

  /** `way`: sessions, where the instance speaks HTTP/2 and this is to be one of its streams; or TLS. Null: neither. */
  constructor(
    endpoint: Endpoint,
    owner: ConnectionOwner,
    connectUntilMs: number,
    way: InstanceSessions | InstanceTls | null = null,
  ) {
    this.#owner = owner;
    this.connectUntilMs = connectUntilMs;
    const onConnected = (): void => {
      this.#wasConnected = true;
      this.user?.connected();
    };
    if (way !== null && 'isGood' in way) {
      this.#isDirect = true;
      this.#tls = way;
      this.#socket = this.#secure(way, onConnected);
    } else {
      this.#isDirect = way === null;
      this.#tls = null;
      this.#socket = way === null ? this.#connect(endpoint) : this.#open(way);
      this.#socket.on('connect', onConnected);
    }
    this.#socket.on('drain', () => this.user?.drained());
    this.#socket.on('end', () => this.#closed());
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('close', () => this.#closed());
  }

  /** Of all connections to the instance. */
  get answers(): RecalledHead<ResponseHead> {
    return this.#owner.answers;
  }

  /** The instance has said that it has not looked at the request. */
  get isUntouched(): boolean {
    return this.#socket.isUntouched === true;
  }

  get isConnected(): boolean {
    return this.#wasConnected && !this.#isClosed;
  }

  get isUsable(): boolean {
    return !this.#isClosed && this.#socket.writable && (this.#tls === null || this.#tls.isGood());
  }

  /**
   * What was written has gone to the kernel. Over TLS Node tells so a turn later than it is so, and the answer is often here before:
   * what waits still and is as little as one record is taken for sent, or else hardly a connection would be used again.
   */
  get isSent(): boolean {
    return this.#socket.writableLength <= (this.#tls === null ? 0 : recordBytesMax);
  }

  /** For what is put together in a scratch buffer. */
  get socket(): OctetSocket {
    return this.#socket;
  }

  /** A whole request, at the end of the turn; the bytes stay its own until then. False: it must be written now. */
  writeSoon(bytes: Buffer, writer: SoonWriter, turn: Pick<WriteTurn, 'add'>): boolean {
    if (!this.#isDirect) return false;
    this.#soon = bytes;
    this.#soonWriter = writer;
    turn.add(this);
    return true;
  }

  writeNow(): void {
    const bytes = this.#soon;
    const writer = this.#soonWriter;
    if (bytes === null || writer === null) return;
    this.#soon = null;
    this.#soonWriter = null;
    const isTaken = this.#socket.write(bytes);
    writer.written(isTaken, this.#socket.writableLength > 0);
  }

  /** False: it has had enough, until `drained`. The bytes stay its own until then. */
  write(bytes: Buffer): boolean {
    this.writeNow();
    return this.#socket.write(bytes);
  }

  /** Nothing more is written; what was is sent before the end is told. */
  end(): void {
    this.writeNow();
    this.#socket.end();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** The bytes read last are still needed: the next are read into another buffer. */
  keepBuffer(): void {
    if (this.#lastRead === this.#buffer) this.#buffer = Buffer.allocUnsafeSlow(readBytesMax);
  }

  /** It has taken too long to connect. */
  connectLate(): void {
    this.#socket.destroy(new Error('no connection in time'));
  }

  /** Cut off; nobody is told but the owner. */
  destroy(): void {
    this.user = null;
    this.#soon = null;
    this.#socket.destroy();
    this.#closed();
  }

  #connect({ host, port }: Endpoint): OctetSocket {
    const onread = {
      // Asked before the first read and after each one.
      buffer: () => this.#buffer,
      callback: (bytes: number) => this.#read(bytes),
    };
    return withLastWords(connect({ host, port, noDelay: true, onread }));
  }

  /** What comes is deciphered into buffers of its own, so `keepBuffer` has nothing to keep. */
  #secure({ tls, socket }: InstanceTls, onConnected: () => void): OctetSocket {
    tls?.on('secureConnect', onConnected);
    socket.on('data', (piece: Buffer) => {
      if (this.#soon !== null) this.writeNow();
      if (this.user !== null) this.user.read(piece);
      // Nothing was asked: it would be taken for the next answer.
      else this.destroy();
    });
    return socket;
  }

  #open(sessions: InstanceSessions): OctetSocket {
    const stream = sessions.open();
    this.#wasConnected = !stream.connecting;
    // Each piece is a buffer of its own, so `keepBuffer` has nothing to keep.
    stream.on('data', (piece: Buffer) => this.user?.read(piece));
    return stream;
  }

  #read(bytes: number): boolean {
    const buffer = this.#buffer;
    this.#lastRead = buffer;
    if (this.user === null) {
      // Nothing was asked: it would be taken for the next answer.
      this.destroy();
      return false;
    }
    if (bytes === buffer.length && bytes < readBytesMax) {
      this.#buffer = Buffer.allocUnsafeSlow(readBytesMax);
    }
    // Who answers before it is asked is answered as ever: the request goes out first.
    if (this.#soon !== null) this.writeNow();
    this.user.read(bytes === buffer.length ? buffer : this.#first(buffer, bytes));
    return !this.#isPaused;
  }

  /** Answers of one instance are of the same length mostly, so the view of the last one serves again. */
  #first(buffer: Buffer, bytes: number): Buffer {
    if (this.#viewed !== buffer || this.#view.length !== bytes) {
      this.#viewed = buffer;
      this.#view = buffer.subarray(0, bytes);
    }
    return this.#view;
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { user } = this;
    this.user = null;
    this.#soon = null;
    this.#socket.destroy();
    this.#owner.onClosed(this);
    if (user === null) return;
    if (!this.#wasConnected) user.connectFailed(this.#error ?? new Error('connection ended'));
    else user.closed(this.#error);
  }
}
