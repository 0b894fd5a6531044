import type { StoredAnswer } from './stored-answer.ts';

/** Fresh for a minute from 1 ms after the Unix epoch; `change` says what else it is. */
export function storedAnswer(change: Partial<StoredAnswer> = {}): StoredAnswer {
  return {
    status: 200,
    fields: [['etag', '"a"']],
    body: Buffer.from([0, 255, 10, 13]),
    requestAtMs: 1,
    terms: {
      responseAtMs: 1,
      initialAgeMs: 0,
      lifetimeMs: 60_000,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      alwaysValidates: false,
      neverStale: false,
    },
    vary: [],
    tags: ['t'],
    ...change,
  };
}
