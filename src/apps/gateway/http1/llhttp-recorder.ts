import { type LlhttpEvents, llhttpPaused } from './llhttp.ts';
import { instantiated } from './wasm.ts';

/** Names and values that are kept of one head; those beyond are counted only. A power of two. */
export const recordedMax = 256;

/** Indices in `Recorder.words`. */
export const recorded = {
  /** How often the target or reason was told, and where it was last. */
  lines: 0,
  lineAt: 1,
  lineBytes: 2,
  names: 3,
  values: 4,
  /** How often the head was said to be complete, and with what. */
  completes: 5,
  status: 6,
  keepAlive: 7,
  /** Address and length of each name in turn, then of each value. */
  nameTable: 256,
  valueTable: 1024,
} as const;

export interface Recorder {
  /** For `loadLlhttp`. */
  readonly events: LlhttpEvents;
  /** What has been told since the counts were last set to zero. */
  readonly words: Int32Array;
}

/**
 * Takes down what llhttp tells of a head. It tells some forty things of each, and each call out of WebAssembly into
 * JavaScript costs as much as llhttp needs for the line it speaks of; so those who listen are WebAssembly too, and JavaScript
 * reads all of it in one go.
 */
export function newRecorder(): Recorder {
  const exports = instantiated(moduleBytes(), {});
  const { memory, ...events } = exports as LlhttpEvents & {
    readonly memory: { readonly buffer: ArrayBuffer };
  };
  return { events, words: new Int32Array(memory.buffer) };
}

// The binary format: webassembly.github.io/spec/core/binary. Every number here is below 2^13.
const i32 = 0x7f;
const memoryKind = 2;
const functionKind = 0;
const end = 0x0b;
const magicAndVersion = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function moduleBytes(): Uint8Array {
  const types = [parameters(3), parameters(4), parameters(1)];
  const [three, four, one] = [0, 1, 2];
  const functions: readonly (readonly [name: string, type: number, code: readonly number[]])[] = [
    ['wasm_on_message_begin', one, constant(0)],
    ['wasm_on_url', three, lineTold],
    ['wasm_on_status', three, lineTold],
    ['wasm_on_header_field', three, told(recorded.names, recorded.nameTable)],
    ['wasm_on_header_value', three, told(recorded.values, recorded.valueTable)],
    ['wasm_on_headers_complete', four, completeTold],
    ['wasm_on_body', three, constant(llhttpPaused)],
    ['wasm_on_message_complete', one, constant(llhttpPaused)],
  ];
  const exported = [
    [...text('memory'), memoryKind, 0],
    ...functions.map(([name], index) => [...text(name), functionKind, index]),
  ];
  return Uint8Array.from([
    ...magicAndVersion,
    ...section(1, vector(types)),
    ...section(3, vector(functions.map(([, type]) => [type]))),
    // One page of 64 KiB, and never more.
    ...section(5, vector([[1, 1, 1]])),
    ...section(7, vector(exported)),
    ...section(10, vector(functions.map(([, , code]) => body(code)))),
  ]);
}

/** `count` times i32, and i32 as the result. */
function parameters(count: number): readonly number[] {
  return [0x60, ...vector(Array.from({ length: count }, () => [i32])), ...vector([[i32]])];
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly (readonly number[])[]): readonly number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(name: string): readonly number[] {
  return vector([...Buffer.from(name, 'latin1')].map((octet) => [octet]));
}

/** With two variables of its own behind the parameters. */
function body(code: readonly number[]): readonly number[] {
  const content = [...vector([[2, i32]]), ...code, end];
  return [...unsigned(content.length), ...content];
}

/** LEB128. */
function unsigned(value: number): readonly number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function constant(value: number): readonly number[] {
  // Bit 6 of the last octet would be the sign.
  return value < 64 ? [0x41, value] : [0x41, (value & 127) | 128, value >>> 7];
}

function get(variable: number): readonly number[] {
  return [0x20, variable];
}

function tee(variable: number): readonly number[] {
  return [0x22, variable];
}

/** From the word at `index`, of the address on the stack. */
function load(index: number): readonly number[] {
  return [0x28, 2, ...unsigned(4 * index)];
}

function store(index: number): readonly number[] {
  return [0x36, 2, ...unsigned(4 * index)];
}

function add(value: number): readonly number[] {
  return [...constant(value), 0x6a];
}

function counted(index: number): readonly number[] {
  return [...constant(0), ...constant(0), ...load(index), ...add(1), ...store(index)];
}

function kept(index: number, parameter: number): readonly number[] {
  return [...constant(0), ...get(parameter), ...store(index)];
}

/** (parser, address, bytes) go into the table's row of that number, which begins anew behind `recordedMax` rows. */
function told(count: number, table: number): readonly number[] {
  const rowAddress = 3;
  const and = 0x71;
  const shiftLeft = 0x74;
  const row = [...constant(0), ...load(count), ...constant(recordedMax - 1), and];
  const shifted = [...row, ...constant(3), shiftLeft, ...tee(rowAddress)];
  const address = [...shifted, ...get(1), ...store(table)];
  const bytes = [...get(rowAddress), ...get(2), ...store(table + 1)];
  return [...address, ...bytes, ...counted(count), ...constant(0)];
}

const lineTold = [
  ...counted(recorded.lines),
  ...kept(recorded.lineAt, 1),
  ...kept(recorded.lineBytes, 2),
  ...constant(0),
];

/** (parser, status, upgrade, keepAlive) */
const completeTold = [
  ...counted(recorded.completes),
  ...kept(recorded.status, 1),
  ...kept(recorded.keepAlive, 3),
  ...constant(llhttpPaused),
];
