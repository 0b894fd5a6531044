/**
 * How finished requests lie in memory between the thread that serves and the one that exports: records of one size in
 * shared blocks, made once and used again and again, so that a span costs neither thread any garbage. One thread has a
 * block at a time; a message hands it over. Identifiers are in hexadecimal, as they came and as they are sent on; the
 * exporting thread makes octets of them.
 */
export const spansPerBlock = 1024;

/** Offsets in a record; its numbers are little-endian. */
export const spanField = {
  /** 32 digits, a dash and 16 of the span, as they stand in a traceparent and so copied in one piece; then 16 of its parent (zeros: none). */
  traceId: 0,
  spanId: 33,
  parentId: 49,
  /** Float64, since the Unix epoch. */
  startUs: 72,
  /** Float64. */
  durationUs: 80,
  /** Uint16: what the caller got; 0: nothing. */
  status: 88,
  /** Uint16: index in the block's `targets`. */
  target: 90,
  /** Uint8: index in the block's `methods`. */
  method: 92,
  /** Uint8: index in the block's `errors`. */
  error: 93,
  /** Uint8: index in the block's `faults`. */
  fault: 94,
  /** Uint8: index in `hedges`. */
  hedge: 95,
  /** Uint8: index in the block's `accesses`. */
  access: 96,
} as const;

/** The first: there was none. */
export const hedges: readonly string[] = ['', 'lost', 'won'];

export const spanBytes = 104;
export const blockBytes = spansPerBlock * spanBytes;

/** What names the instance of a span. */
export interface SpanTarget {
  readonly service: string;
  readonly revisionId: string;
  readonly instanceId: string;
}

/** From the serving thread. */
export type BlockMessage = NewBlock | FilledBlock;

export interface NewBlock {
  readonly kind: 'new';
  /** Blocks are numbered as they are made. */
  readonly index: number;
  readonly bytes: SharedArrayBuffer;
}

export interface FilledBlock {
  readonly kind: 'filled';
  readonly index: number;
  readonly spans: number;
  readonly targets: readonly SpanTarget[];
  readonly methods: readonly string[];
  /** Empty: there was none. */
  readonly errors: readonly string[];
  /** Of what was injected on purpose; empty: nothing was. */
  readonly faults: readonly string[];
  /** `audit RULE` of requests that authorization would refuse, without a rule where none allows it; empty: it would not. */
  readonly accesses: readonly string[];
}

/** Back to it: the block may be filled again; `lost` of its spans no collector took. */
export interface EmptiedBlock {
  readonly index: number;
  readonly exported: number;
  readonly lost: number;
}
