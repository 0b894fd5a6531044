import { type FilledBlock, hedges, spanBytes, spanField, type SpanTarget } from './span-block.ts';

/** Octets of a span that are its own: identifiers, times and their tags. */
const ownBytes = 18 + 10 + 10 + 9 + 9;
/** Tag and length of a span. */
const aroundBytes = 1 + 3;

/**
 * Spans as OTLP has them on the wire: protobuf of opentelemetry/proto/trace/v1/trace.proto and its collector request,
 * attributes by the semantic conventions for HTTP servers. Numbers in comments are those of fields there.
 *
 * What spans of one target and method, or of one status, have in common is encoded once a block; the rest of a span is
 * some copying into memory that is used again, since this thread's time is taken from the same machine.
 */
export class OtlpEncoder {
  readonly #commons = new Map<number, Buffer>();
  readonly #statuses = new Map<number, Buffer>();
  readonly #parts: Buffer[] = [];
  #out: Buffer = Buffer.allocUnsafeSlow(firstBytes);

  /** Holds until the next call. */
  encode(records: Buffer, block: FilledBlock): Buffer {
    const bytes = headRoom + this.#collect(records, block);
    if (this.#out.length < bytes) this.#out = Buffer.allocUnsafeSlow(2 * bytes);
    const out = this.#out;
    let end = headRoom;
    for (let index = 0; index < block.spans; index += 1) {
      const common = this.#parts[2 * index] ?? nothing;
      const status = this.#parts[2 * index + 1] ?? nothing;
      end = writeSpan({ out, at: end, records, from: index * spanBytes }, common, status);
    }
    // ScopeSpans: scope 1, spans 2. ResourceSpans: resource 1, scope_spans 2. The request: resource_spans 1.
    let start = before(out, headRoom, scope);
    start = before(out, start, tagAndLength(2, end - start));
    start = before(out, start, resource);
    start = before(out, start, tagAndLength(1, end - start));
    return out.subarray(start, end);
  }

  /** Lays ready what spans share; returns how many octets all spans can have. */
  #collect(
    records: Buffer,
    { spans, targets, methods, errors, faults, accesses }: FilledBlock,
  ): number {
    this.#commons.clear();
    this.#statuses.clear();
    let bytes = 0;
    for (let index = 0; index < spans; index += 1) {
      const at = index * spanBytes;
      const target = records.readUInt16LE(at + spanField.target);
      const method = records.readUInt8(at + spanField.method);
      const common = cached(this.#commons, target * 256 + method, () =>
        commonPart(targets[target], methods[method]),
      );
      const status = records.readUInt16LE(at + spanField.status);
      const error = records.readUInt8(at + spanField.error);
      const fault = records.readUInt8(at + spanField.fault);
      const hedge = records.readUInt8(at + spanField.hedge);
      const access = records.readUInt8(at + spanField.access);
      const kind = (((access * 4 + hedge) * 256 + fault) * 65_536 + status) * 256 + error;
      const said = cached(this.#statuses, kind, () => {
        const own = [
          marked('tidegate.fault', faults[fault]),
          marked('tidegate.hedge', hedges[hedge]),
          accessPart(accesses[access] ?? ''),
        ];
        return Buffer.concat([statusPart(status, errors[error] ?? ''), ...own]);
      });
      this.#parts[2 * index] = common;
      this.#parts[2 * index + 1] = said;
      bytes += common.length + said.length + ownBytes + aroundBytes;
    }
    return bytes;
  }
}

const firstBytes = 512 * 1024;
/** For what stands before the spans. */
const headRoom = 256;

/** Puts octets before `end`; returns where they begin. */
function before(out: Buffer, end: number, octets: Buffer): number {
  octets.copy(out, end - octets.length);
  return end - octets.length;
}

function tagAndLength(number: number, length: number): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(length)]);
}

interface SpanPlace {
  readonly out: Buffer;
  readonly at: number;
  readonly records: Buffer;
  readonly from: number;
}

/** Span: trace_id 1, span_id 2, parent_span_id 4, start_time_unix_nano 7, end_time_unix_nano 8. Returns where it ends. */
function writeSpan({ out, at, records, from }: SpanPlace, common: Buffer, status: Buffer): number {
  const hasParent = !isZero(records, from + spanField.parentId);
  const length = ownBytes - (hasParent ? 0 : 10) + common.length + status.length;
  let next = writeVarint(out, writeVarint(out, at, 2 * 8 + 2), length);
  next = writeId(out, next, 1, { records, from: from + spanField.traceId, digits: 32 });
  next = writeId(out, next, 2, { records, from: from + spanField.spanId, digits: 16 });
  if (hasParent) {
    next = writeId(out, next, 4, { records, from: from + spanField.parentId, digits: 16 });
  }
  const startUs = records.readDoubleLE(from + spanField.startUs);
  next = writeNanos(out, next, 7, startUs);
  next = writeNanos(out, next, 8, startUs + records.readDoubleLE(from + spanField.durationUs));
  next += common.copy(out, next);
  return next + status.copy(out, next);
}

/** name 5, kind 6 and attributes. */
function commonPart(target: SpanTarget | undefined, method = '_OTHER'): Buffer {
  const name = `${method} ${target?.service ?? ''}`;
  const attributes = [text('http.request.method', method)];
  if (target !== undefined) attributes.push(...targetAttributes(target));
  return Buffer.concat([field(5, Buffer.from(name)), varintField(6, serverKind), ...attributes]);
}

/**
 * The status as an attribute, what went wrong as `error.type`, which is the status itself where an instance said it, and the
 * span's own: status 15, its code 3. A 4xx is the caller's fault and no error of a server's span.
 */
function statusPart(status: number, error: string): Buffer {
  const said = status === 0 ? nothing : integer('http.response.status_code', status);
  const type = error === '' && status >= 500 ? String(status) : error;
  const why = type === '' ? nothing : text('error.type', type);
  const isFailed = type !== '' && (status < 400 || status >= 500);
  return Buffer.concat([said, why, ...(isFailed ? [field(15, varintField(3, errorCode))] : [])]);
}

function marked(key: string, value = ''): Buffer {
  return value === '' ? nothing : text(key, value);
}

function accessPart(access: string): Buffer {
  const [mode = '', rule = ''] = access.split(' ');
  if (mode === '') return nothing;
  const how = text('tidegate.authorization.mode', mode);
  return rule === '' ? how : Buffer.concat([how, text('tidegate.authorization.rule', rule)]);
}

const nothing = Buffer.alloc(0);
const serverKind = 2;
const errorCode = 2;

function cached(map: Map<number, Buffer>, key: number, make: () => Buffer): Buffer {
  let part = map.get(key);
  if (part === undefined) {
    part = make();
    map.set(key, part);
  }
  return part;
}

function targetAttributes({ service, revisionId, instanceId }: SpanTarget): readonly Buffer[] {
  return [
    text('tidegate.service', service),
    text('tidegate.revision', revisionId),
    text('tidegate.instance', instanceId),
  ];
}

/** Attribute 9 of a span: key 1, value 2; a string is 1 of the value, an integer 3. */
function text(key: string, value: string): Buffer {
  return attribute(9, key, field(1, Buffer.from(value)));
}

function integer(key: string, value: number): Buffer {
  return attribute(9, key, varintField(3, value));
}

function attribute(number: number, key: string, value: Buffer): Buffer {
  return field(number, Buffer.concat([field(1, Buffer.from(key)), field(2, value)]));
}

/** Resource: attributes 1. */
const resource = field(1, attribute(1, 'service.name', field(1, Buffer.from('tidegate-gateway'))));
/** InstrumentationScope, 1 of ScopeSpans: name 1. */
const scope = field(1, field(1, Buffer.from('tidegate')));

/** A length-delimited field. */
function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([tagAndLength(number, value.length), value]);
}

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

/** A fixed64 of nanoseconds, from microseconds: those are exact as a number, nanoseconds would not be. */
function writeNanos(out: Buffer, at: number, number: number, us: number): number {
  const whole = Math.round(us);
  const low = (whole % 2 ** 32) * 1000;
  out[at] = number * 8 + 1;
  out.writeUInt32LE(low % 2 ** 32, at + 1);
  out.writeUInt32LE(Math.floor(whole / 2 ** 32) * 1000 + Math.floor(low / 2 ** 32), at + 5);
  return at + 9;
}

interface Digits {
  readonly records: Buffer;
  readonly from: number;
  readonly digits: number;
}

/** An identifier as octets, from its hexadecimal digits. */
function writeId(
  out: Buffer,
  at: number,
  number: number,
  { records, from, digits }: Digits,
): number {
  const bytes = digits / 2;
  out[at] = number * 8 + 2;
  out[at + 1] = bytes;
  for (let index = 0; index < bytes; index += 1) {
    const high = digitOf(records[from + 2 * index] ?? 0);
    out[at + 2 + index] = 16 * high + digitOf(records[from + 2 * index + 1] ?? 0);
  }
  return at + 2 + bytes;
}

function digitOf(octet: number): number {
  return octet < 0x3a ? octet - 0x30 : octet - 0x57;
}

function isZero(records: Buffer, from: number): boolean {
  for (let at = from; at < from + 16; at += 1) if (records[at] !== 0x30) return false;
  return true;
}

function writeVarint(out: Buffer, at: number, value: number): number {
  let next = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    out[next] = (rest % 128) + 128;
    next += 1;
  }
  out[next] = rest;
  return next + 1;
}

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  octets.push(rest);
  return Buffer.from(octets);
}
