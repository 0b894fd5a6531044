/** One request as it goes out; `url` is whole, or begins with `/` in a browser. */
export interface TransportCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: string | null;
}

/** One answer whose body is not read yet. */
export interface TransportAnswer {
  readonly status: number;
  /** By its name in small letters; null: it is not there. */
  readonly header: (name: string) => string | null;
  /** Read once. Leaving the loop early ends the answer. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Rejects when nobody answers, and when `signal` aborts, which also ends the reading. No redirect is followed. */
export type Transport = (call: TransportCall, signal: AbortSignal) => Promise<TransportAnswer>;

/** By `fetch`, which browsers and Node have. A cookie of the server's own origin goes along. */
export const fetchTransport: Transport = async ({ method, url, headers, body }, signal) => {
  const answer = await fetch(url, {
    method,
    headers,
    ...(body !== null && { body }),
    signal,
    redirect: 'error',
    credentials: 'same-origin',
  });
  return {
    status: answer.status,
    header: (name) => answer.headers.get(name),
    chunks: chunksOf(answer.body),
  };
};

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  // Not every browser can iterate a stream.
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {
      // It has ended or failed already, which who reads has been told.
    });
  }
}
