import { type FilledBlock, spanBytes, spanField, type SpanTarget } from './span-block.ts';

/**
 * Spans as OTLP has them on the wire: protobuf of opentelemetry/proto/trace/v1/trace.proto and its collector request,
 * attributes by the semantic conventions for HTTP servers. Numbers in comments are those of fields there.
 */
export function otlpSpans({ bytes, spans, targets, methods }: FilledBlock): Buffer {
  const records = Buffer.from(bytes);
  const known = targets.map(targetAttributes);
  const parts: Buffer[] = [scope];
  for (let index = 0; index < spans; index += 1) {
    const record = records.subarray(index * spanBytes, (index + 1) * spanBytes);
    const target = record.readUInt16LE(spanField.target);
    const method = methods[record.readUInt8(spanField.method)] ?? '_OTHER';
    const name = `${method} ${targets[target]?.service ?? ''}`;
    parts.push(
      field(2, span(record, name, [text('http.request.method', method), ...(known[target] ?? [])])),
    );
  }
  // ResourceSpans: resource 1, scope_spans 2; the request has resource_spans 1.
  return field(1, Buffer.concat([resource, field(2, Buffer.concat(parts))]));
}

const serverKind = 2;
const errorCode = 2;

function span(record: Buffer, name: string, attributes: readonly Buffer[]): Buffer {
  const { traceId, spanId, parentId, startUs, durationUs, status } = spanField;
  const startedUs = record.readDoubleLE(startUs);
  const statusCode = record.readUInt16LE(status);
  const parent = record.toString('latin1', parentId, parentId + 16);
  const isFailed = statusCode === 0 || statusCode >= 500;
  return Buffer.concat([
    field(1, hex(record, traceId, 32)),
    field(2, hex(record, spanId, 16)),
    ...(/^0+$/.test(parent) ? [] : [field(4, hex(record, parentId, 16))]),
    field(5, Buffer.from(name)),
    varintField(6, serverKind),
    nanosField(7, startedUs),
    nanosField(8, startedUs + record.readDoubleLE(durationUs)),
    ...attributes,
    ...(statusCode === 0
      ? [text('error.type', 'no_answer')]
      : [integer('http.response.status_code', statusCode)]),
    ...(isFailed ? [field(15, varintField(3, errorCode))] : []),
  ]);
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
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value]);
}

function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

/** A fixed64 of nanoseconds, from microseconds that are exact as a number while nanoseconds would not be. */
function nanosField(number: number, us: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(Math.round(us)) * 1000n);
  return Buffer.concat([varint(number * 8 + 1), out]);
}

function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  octets.push(rest);
  return Buffer.from(octets);
}

function hex(record: Buffer, start: number, digits: number): Buffer {
  return Buffer.from(record.toString('latin1', start, start + digits), 'hex');
}
