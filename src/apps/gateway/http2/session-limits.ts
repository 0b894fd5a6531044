import type { ServerSessionOptions } from 'node:http2';

/**
 * What one connection of HTTP/2 may ask for.
 *
 * - CVE-2023-44487 (streams opened and reset at once): nghttp2 ends the session with ENHANCE_YOUR_CALM after
 *   `streamResetBurst`, which refills by `streamResetRate` a second.
 * - CVE-2024-27316, CVE-2024-28182 (CONTINUATION without end): nghttp2 takes 8 of them, and Node `maxHeaderListPairs` and
 *   `maxHeaderListSize` for a request.
 * - CVE-2019-9517 and others (answers that are asked for and never read): each stream's answer waits for its reader
 *   (`writableNeedDrain`), and `maxSessionMemory` refuses further streams.
 * - CVE-2019-9512 and -9515 (PING and SETTINGS without end): nghttp2 keeps 1,000 acknowledgements that are not read; those
 *   that are read only cost time, which `ControlFrames` bounds.
 */
export const callerSessionOptions: ServerSessionOptions = {
  settings: {
    maxConcurrentStreams: 128,
    // Above what the parser takes, so that heads a little too long are answered (431) and not reset.
    maxHeaderListSize: 32 * 1024,
    // Of one stream, so that 128 stalled uploads hold 8 MB.
    initialWindowSize: 64 * 1024,
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: 256,
  // MB, in all: of streams and of what waits to be sent. What is received is not counted: the window of its stream bounds it.
  maxSessionMemory: 16,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxOutstandingPings: 4,
  streamResetBurst: 1000,
  streamResetRate: 33,
  strictFieldWhitespaceValidation: true,
  // An instance that repeats a header is passed on as it is, as over HTTP/1.1.
  strictSingleValueFields: false,
};

/** Of a whole connection; one stream cannot take all of it. */
export const connectionWindowBytes = 1024 * 1024;

/** gRPC measures the bandwidth by a PING for each burst of data, so there are tens a second at times. */
const burstMax = 1000;
const perSecond = 100;

/** PING and SETTINGS frames of one connection: a bucket of tokens. */
export class ControlFrames {
  #left = burstMax;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** False: too many have come. */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#sinceMs) / 1000) * perSecond;
    this.#left = Math.min(burstMax, this.#left + earned);
    this.#sinceMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
