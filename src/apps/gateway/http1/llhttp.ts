import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { instantiated } from './wasm.ts';

/** The parser of Node.js itself, as undici ships it: https://github.com/nodejs/llhttp, here 9.x with SIMD. */
export interface LlhttpExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _initialize: () => void;
  readonly malloc: (bytes: number) => number;
  readonly llhttp_alloc: (type: number) => number;
  readonly llhttp_reset: (parser: number) => void;
  readonly llhttp_execute: (parser: number, data: number, bytes: number) => number;
  readonly llhttp_finish: (parser: number) => number;
  readonly llhttp_get_method: (parser: number) => number;
  /** Address of a text that ends in NUL. */
  readonly llhttp_method_name: (method: number) => number;
  readonly llhttp_get_error_pos: (parser: number) => number;
  readonly llhttp_resume_after_upgrade: (parser: number) => void;
}

/** What llhttp calls; `at` is an address in its memory. Each returns 0 to go on, or an error such as `paused`. */
export interface LlhttpEvents {
  readonly wasm_on_message_begin: (parser: number) => number;
  readonly wasm_on_url: (parser: number, at: number, bytes: number) => number;
  readonly wasm_on_status: (parser: number, at: number, bytes: number) => number;
  readonly wasm_on_header_field: (parser: number, at: number, bytes: number) => number;
  readonly wasm_on_header_value: (parser: number, at: number, bytes: number) => number;
  readonly wasm_on_headers_complete: (
    parser: number,
    status: number,
    upgrade: number,
    keepAlive: number,
  ) => number;
  readonly wasm_on_body: (parser: number, at: number, bytes: number) => number;
  readonly wasm_on_message_complete: (parser: number) => number;
}

export const llhttpType = { request: 1, response: 2 } as const;
export const llhttpOk = 0;
export const llhttpPaused = 21;
export const llhttpPausedUpgrade = 22;

/** Of `parser.flags`. */
export const llhttpFlags = { chunked: 8, contentLength: 32, transferEncoding: 512 } as const;

/** Offsets of fields in `llhttp_t` on 32 bits, in llhttp's build/llhttp.h; `SecondOpinion` proves them when it starts. */
export const llhttpFields = { contentLength: 32, minorVersion: 43, flags: 50 } as const;

const wasmPath = 'undici/lib/llhttp/llhttp_simd-wasm.js';
const wasmSha256 = '18403ee56fab07f89a845028bad358bb3ebcda213f8e2ec0989a991e9c33da69';

/** The world is not as this program was made for: another undici than the one in package.json is installed. */
export class LlhttpError extends Error {
  readonly code: 'llhttp-missing' | 'llhttp-changed';
  readonly retryable = false;

  constructor(code: LlhttpError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LlhttpError';
    this.code = code;
  }
}

/**
 * The path is no documented interface of undici; that it has the very bytes this code was tested with is checked each
 * time. Throws LlhttpError.
 */
export function loadLlhttp(
  events: LlhttpEvents,
  load: (path: string) => unknown = createRequire(import.meta.url),
): LlhttpExports {
  const bytes = wasmBytes(load);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== wasmSha256) {
    const message =
      `cannot use ${wasmPath}: its SHA-256 is ${sha256}, not ${wasmSha256}; install the undici that package.json ` +
      'names, or check the new parser with the tests in src/apps/gateway/http1 and write its hash into llhttp.ts';
    throw new LlhttpError('llhttp-changed', message);
  }
  const llhttp = instantiated(bytes, events) as LlhttpExports; // The hash says what it has.
  llhttp._initialize();
  return llhttp;
}

function wasmBytes(load: (path: string) => unknown): Uint8Array {
  const remedy = 'install the undici that package.json names';
  try {
    const bytes = load(wasmPath);
    if (bytes instanceof Uint8Array) return bytes;
  } catch (error) {
    throw new LlhttpError(
      'llhttp-missing',
      `cannot load ${wasmPath}: ${String(error)}; ${remedy}`,
      error,
    );
  }
  throw new LlhttpError(
    'llhttp-missing',
    `cannot use ${wasmPath}: it is no WebAssembly; ${remedy}`,
  );
}
