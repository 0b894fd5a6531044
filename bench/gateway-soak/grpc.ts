import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { rounded } from '../form.ts';
import { Content } from './content.ts';
import { framed, GrpcReader } from './grpc-messages.ts';
import { MessageCheck, messageOf } from './messages.ts';
import { type SoakPart, Tally } from './part.ts';
import type { SoakPlace } from './place.ts';

/** Calls with a stream of messages both ways at once on each connection; beside them there is one with one message. */
const streamsOnConnection = 4;
/** On their way of one call. */
const underWayMax = 4;
const messagesMax = 400;
/** A call that says nothing for so long is lost. */
const silenceMs = 60_000;
const betweenMs = 5;

/** Calls of gRPC through all changes: each message comes back once, in order, and the trailers tell of all of them. */
export const grpc: SoakPart = {
  name: 'grpc',
  isHttp2: true,
  run: async (place, { grpcConnections: count, grpcSeconds: seconds }, { signal, say }) => {
    const untilMs = performance.now() + seconds * 1000;
    const unary = new Tally();
    const streams = new Tally();
    const calls = new Calls(place, { untilMs, signal });
    const sessions = Array.from({ length: count }, () => openSession(place));
    await Promise.all(
      sessions.flatMap((session) => [
        calls.repeat(session, unary, () => 1),
        ...Array.from({ length: streamsOnConnection }, () =>
          calls.repeat(session, streams, (call) => 1 + ((call * 37) % messagesMax)),
        ),
      ]),
    );
    for (const session of sessions) session.destroy();
    const { mostMb } = await place.residentMb();
    const { messages } = calls;
    const failed = unary.failed + streams.failed;
    say(
      `gRPC for ${seconds} s: ${unary.well} + ${streams.well} calls, ${messages} messages, ${failed} failed`,
    );
    return {
      rows: [
        [`gRPC calls of one message, ${seconds} s`, String(unary.well), String(unary.failed)],
        [
          'gRPC calls of up to 400 messages both ways',
          String(streams.well),
          String(streams.failed),
        ],
        ['messages sent and returned in order', String(messages), String(failed)],
      ],
      result: {
        grpcSeconds: seconds,
        grpcUnaryCalls: unary.well,
        grpcStreamCalls: streams.well,
        grpcMessages: messages,
        grpcFailed: failed,
        grpcRssMbMost: rounded(mostMb),
      },
      faults: [...unary.faults, ...streams.faults],
    };
  },
};

function openSession({ port }: SoakPlace): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 100 });
  // Told by its streams.
  session.on('error', () => {});
  return session;
}

class Calls {
  /** Returned as they were sent. */
  messages = 0;
  readonly #host: string;
  readonly #untilMs: number;
  readonly #signal: AbortSignal;
  #next = 0;

  constructor(
    { host }: SoakPlace,
    { untilMs, signal }: { readonly untilMs: number; readonly signal: AbortSignal },
  ) {
    this.#host = host;
    this.#untilMs = untilMs;
    this.#signal = signal;
  }

  /** One call after the other, until the time is over or much has failed. */
  async repeat(
    session: ClientHttp2Session,
    tally: Tally,
    countOf: (call: number) => number,
  ): Promise<void> {
    while (performance.now() < this.#untilMs && tally.failed < 10) {
      this.#signal.throwIfAborted();
      this.#next += 1;
      const call = new Call(session, this.#host, this.#next);
      tally.add(await call.talk(countOf(this.#next)));
      this.messages += call.returned;
      await sleep(betweenMs);
    }
  }
}

class Call {
  readonly #number: number;
  readonly #content: Content;
  readonly #check: MessageCheck;
  readonly #stream: ClientHttp2Stream;
  #trailers: IncomingHttpHeaders = {};
  #fault: string | null = null;

  constructor(session: ClientHttp2Session, host: string, number: number) {
    this.#number = number;
    this.#content = new Content(number);
    this.#check = new MessageCheck(number);
    this.#stream = session.request({
      ':method': 'POST',
      ':path': '/soak.Echo/Both',
      ':authority': `grpc.${host}`,
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      'x-call': String(number),
    });
  }

  get returned(): number {
    return this.#check.count;
  }

  /** Sends so many messages, some of them under way at one time. What was wrong; null: nothing. */
  async talk(count: number): Promise<string | null> {
    const stream = this.#stream;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    let sent = 0;
    const send = (): void => {
      while (sent < count && sent - this.#check.count < underWayMax) {
        stream.write(framed(messageOf(this.#content, this.#number, sent)));
        sent += 1;
      }
      if (sent === count && !stream.writableEnded) stream.end();
    };
    const reader = new GrpcReader((message) => {
      this.#fault ??= this.#check.take(message);
      send();
    });
    stream.on('data', (octets: Buffer) => reader.take(octets));
    stream.on('trailers', (trailers) => (this.#trailers = trailers));
    stream.on('error', (error) => (this.#fault ??= `call ${this.#number}: ${error.message}`));
    stream.on('close', resolve);
    stream.setTimeout(silenceMs, () => {
      this.#fault ??= `call ${this.#number} says nothing after ${this.#check.count} of ${count}`;
      stream.destroy();
    });
    send();
    await closed;
    return this.#fault ?? this.#unlike(count);
  }

  /** What is wrong with how it ended; null: nothing. */
  #unlike(count: number): string | null {
    const told = ['grpc-status', 'x-call', 'x-messages'].map((name) => this.#trailers[name]);
    const wanted = ['0', String(this.#number), String(count)];
    const isSo = told.join() === wanted.join() && this.#check.count === count;
    return isSo
      ? null
      : `call ${this.#number} ended with ${told.join()} after ${this.#check.count} of ${count} messages`;
  }
}
