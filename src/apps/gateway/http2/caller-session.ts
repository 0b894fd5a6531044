import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { CallerLink } from '../fast/caller-link.ts';
import type { OctetSocket } from '../fast/octet-socket.ts';
import type { Refusal } from '../refusal.ts';
import { CallerStream } from './caller-stream.ts';
import { refusalAnswer } from './refusal-answer.ts';
import { requestOctets } from './request-octets.ts';
import { callerSessionOptions, connectionWindowBytes, ControlFrames } from './session-limits.ts';

export interface CallerSessionOptions {
  /** Takes each request as if it were a connection. */
  readonly serve: (socket: OctetSocket, link: CallerLink) => void;
  /** A request that is none has been answered. */
  readonly onRefused: (refusal: Refusal) => void;
  readonly onClosed: (session: CallerSession) => void;
  /** A connection without a request for so long is closed. */
  readonly idleMs: number;
}

/** A caller that sends no more has this time to take what it was sent last. */
const endedMs = 2000;
/** What Node's timers can wait. */
const timerMsMax = 2 ** 31 - 1;

/** A caller's connection that speaks HTTP/2. */
export class CallerSession {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #link: CallerLink;
  readonly #options: CallerSessionOptions;
  readonly #remoteAddress: string | undefined;
  #streams = 0;
  #ending: NodeJS.Timeout | undefined;
  /** Whose requests may not be whole. */
  readonly #open = new Set<CallerStream>();

  constructor(socket: Socket, link: CallerLink, options: CallerSessionOptions) {
    this.#socket = socket;
    this.#link = link;
    this.#options = options;
    this.#remoteAddress = socket.remoteAddress;
    this.#session = performServerHandshake(socket, callerSessionOptions);
    const session = this.#session;
    const control = new ControlFrames(performance.now());
    const count = (): void => {
      if (!control.take(performance.now())) this.#calm();
    };
    session.setLocalWindowSize(connectionWindowBytes);
    // Each time, and not only the first, as a function given to `setTimeout` would be called.
    session.on('timeout', () => this.endIfIdle());
    session.setTimeout(options.idleMs);
    session.on('stream', (stream, _fields, _flags, raw) => this.#stream(stream, raw));
    socket.on('end', () => this.#callerEnded());
    session.on('ping', count);
    session.on('remoteSettings', count);
    // 'close' follows.
    session.on('error', () => {});
    session.on('close', () => {
      clearTimeout(this.#ending);
      options.onClosed(this);
    });
    this.#endWithCertificate();
  }

  /** Takes no new request, finishes those under way. */
  drain(): void {
    if (!this.#session.closed) this.#session.close();
  }

  /** Nothing is under way and nothing came for long: also a connection whose answers nobody reads. */
  endIfIdle(): void {
    if (this.#streams === 0) this.destroy();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }

  /** Idle or not: what its caller has shown proves nothing from then on, and streams under way are the last. */
  #endWithCertificate(): void {
    const endsAtMs = this.#link.peer?.endsAtMs ?? Infinity;
    if (endsAtMs === Infinity) return;
    const leftMs = endsAtMs - Date.now();
    const look = (): void => (leftMs <= timerMsMax ? this.drain() : this.#endWithCertificate());
    this.#ending = setTimeout(look, Math.min(Math.max(leftMs, 0), timerMsMax)).unref();
  }

  #stream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    // With GOAWAY the caller comes again on another connection; this stream is still served.
    if ((this.#link.peer?.leavesAtMs ?? Infinity) <= Date.now()) this.drain();
    this.#streams += 1;
    // 'close' follows, or the stream goes on.
    stream.on('error', () => {});
    stream.on('close', () => {
      this.#streams -= 1;
    });
    // Reset in the octets that opened it: nothing can be said on it, and nothing is to be done.
    if (stream.destroyed || stream.closed) return;
    const request = requestOctets(raw, stream.endAfterHeaders);
    if (request.kind === 'refused') {
      const { status, detail, isGrpc } = request;
      const refusal = { status, reason: 'bad-request', detail } as const;
      this.#options.onRefused(refusal);
      // Node ends the answer to HEAD with its head; a body behind it would be an error, and the stream never end.
      const isHead = raw[raw.indexOf(':method') + 1] === 'HEAD';
      refuse(stream, refusal, { isGrpc, isHead });
      return;
    }
    const socket = new CallerStream(stream, request, this.#remoteAddress);
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    const link = { ...this.#link, refuse: (refusal: Refusal) => socket.refuse(refusal) };
    this.#options.serve(socket, link);
    socket.start();
  }

  /** No frame can follow: what is whole is answered, what lacks its end will never have one. */
  #callerEnded(): void {
    this.drain();
    for (const stream of this.#open) stream.callerEnded();
    // A head that has begun is a stream to nghttp2, which waits for its end.
    if (!this.#session.destroyed) this.#session.setTimeout(endedMs);
  }

  /** Frames that only cost time come without end. */
  #calm(): void {
    if (this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.destroy();
  }
}

function refuse(
  stream: ServerHttp2Stream,
  refusal: Refusal,
  of: { readonly isGrpc: boolean; readonly isHead: boolean },
): void {
  const { fields, body } = refusalAnswer(refusal, of);
  // What else comes of the request is not wanted.
  stream.resume();
  stream.respond([...fields], { endStream: body === null });
  if (body !== null) stream.end(body);
  if (stream.endAfterHeaders) return;
  // RFC 9113 section 8.1: a whole answer, and no more of the request is wanted; its end may never come.
  const close = (): void => {
    if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  if (stream.writableFinished) close();
  else stream.once('finish', close);
}
