import { type ClientHttp2Session, type ClientSessionOptions, connect, constants } from 'node:http2';
import type { Endpoint } from '../../../domain/traffic/routing/route-table.ts';
import { InstanceStream } from './instance-stream.ts';

/** Connections to one instance at most; each carries as many streams as the instance allows. */
const sessionsMax = 8;
/** Until the instance has said how many it allows, and if it says nothing. */
const streamsUsual = 100;
const streamsMax = 1000;
/**
 * Back-pressure bounds what one stream holds (a head with a body that is kept, one piece behind it, about 100 KB as measured).
 * The session's bound must lie above all of them: beyond it Node resets streams whose answers begin, and good instances are
 * blamed.
 */
const streamBytesMax = 256 * 1024;
const idleMs = 60_000;
/** A connection that has not answered a PING for so long is taken for dead. */
const pongMs = 5000;
const windowBytes = 256 * 1024;
/** A caller that repeats a header is passed on as it is. Node has it for clients too; its types do not. */
const repeatedFields = { strictSingleValueFields: false } as ClientSessionOptions;
const connectionWindowBytes = 1024 * 1024;

/**
 * Connections of HTTP/2 to one instance, by prior knowledge (RFC 9113 section 3.3). A stream goes to the fullest that has
 * room, so that those not needed grow idle and are closed.
 */
export class InstanceSessions {
  readonly #endpoint: Endpoint;
  readonly #sessions = new Set<InstanceSession>();
  #isRetired = false;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** One request's stream; its session may still be connecting. */
  open(): InstanceStream {
    return new InstanceStream(this.#roomiest());
  }

  sweep(nowMs: number): void {
    for (const session of this.#sessions) session.closeIfIdle(this.#isRetired ? 0 : idleMs, nowMs);
  }

  /** Streams under way end in their own time. */
  retire(): void {
    this.#isRetired = true;
    this.sweep(performance.now());
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #roomiest(): InstanceSession {
    let best: InstanceSession | null = null;
    let roomiest: InstanceSession | null = null;
    for (const session of this.#sessions) {
      if (!session.isOpen) continue;
      if (session.room > 0 && (best === null || session.streams > best.streams)) best = session;
      if (roomiest === null || session.room > roomiest.room) roomiest = session;
    }
    if (best !== null) return best;
    // Beyond all bounds, node:http2 keeps a stream back until another one has ended.
    if (roomiest !== null && this.#sessions.size >= sessionsMax) return roomiest;
    const session = new InstanceSession(this.#endpoint, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return session;
  }
}

/** One connection. */
export class InstanceSession {
  /** Under way. */
  streams = 0;
  /** The instance has said how much it takes, which is also how it shows that it speaks HTTP/2 at all. */
  isConnected = false;
  /** What the session ended with. */
  error: Error | null = null;
  /** The instance has not looked at streams beyond this one (GOAWAY, RFC 9113 section 6.8). */
  lastStreamId = Infinity;
  readonly #session: ClientHttp2Session;
  readonly #waiting = new Set<() => void>();
  #idleSinceMs = performance.now();
  #isLeaving = false;
  #isAsked = false;

  constructor({ host, port }: Endpoint, onClosed: () => void) {
    const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
    this.#session = connect(`http://${name}:${port}`, {
      settings: {
        enablePush: false,
        initialWindowSize: windowBytes,
        maxHeaderListSize: 32 * 1024,
      },
      maxHeaderListPairs: 256,
      // MB.
      maxSessionMemory: (streamsMax * streamBytesMax) / 1_000_000,
      strictFieldWhitespaceValidation: true,
      ...repeatedFields,
    });
    const session = this.#session;
    session.on('connect', () => session.setLocalWindowSize(connectionWindowBytes));
    session.once('remoteSettings', () => {
      this.isConnected = true;
      this.#tell();
    });
    session.on('goaway', (_code, lastStreamId) => {
      this.#isLeaving = true;
      this.lastStreamId = lastStreamId;
    });
    session.on('error', (error) => {
      this.error = error;
    });
    session.on('close', () => {
      this.#isLeaving = true;
      this.error ??= new Error('the connection was closed');
      onClosed();
      this.#tell();
    });
  }

  get session(): ClientHttp2Session {
    return this.#session;
  }

  get isOpen(): boolean {
    return !this.#isLeaving && !this.#session.closed && !this.#session.destroyed;
  }

  /** Streams that may be opened now. */
  get room(): number {
    const allowed = this.isConnected
      ? this.#session.remoteSettings.maxConcurrentStreams
      : undefined;
    return Math.min(allowed ?? streamsUsual, streamsMax) - this.streams;
  }

  /** `tell` is called once, when it is connected or has failed to. */
  whenSettled(tell: () => void): void {
    this.#waiting.add(tell);
  }

  left(nowMs: number): void {
    this.streams -= 1;
    this.#idleSinceMs = nowMs;
  }

  closeIfIdle(boundMs: number, nowMs: number): void {
    if (this.streams === 0 && nowMs - this.#idleSinceMs >= boundMs && this.isOpen) {
      this.#session.close();
    }
  }

  /** An answer did not come: asks whether there is anybody at all. */
  doubt(): void {
    if (this.#isAsked || !this.isConnected || !this.isOpen) return;
    this.#isAsked = true;
    const timer = setTimeout(
      () => this.#session.destroy(undefined, constants.NGHTTP2_CANCEL),
      pongMs,
    );
    timer.unref();
    this.#session.ping(() => {
      clearTimeout(timer);
      this.#isAsked = false;
    });
  }

  destroy(): void {
    this.#session.destroy();
  }

  #tell(): void {
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
  }
}
