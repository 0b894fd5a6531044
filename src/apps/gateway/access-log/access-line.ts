import { methodNames } from '../http1/methods.ts';
import type { AccessNote } from '../identity/route-authorization.ts';

/** One request that has ended for its caller, as the access log tells it. Null: not known, or there is none. */
export interface AccessRecord {
  /** Since the Unix epoch. */
  readonly endedAtMs: number;
  readonly durationMs: number;
  /** Of `method` in methods.ts; null: its head was refused. */
  readonly method: number | null;
  readonly methodText: string;
  readonly isSecure: boolean;
  /** Path and query. */
  readonly target: string | null;
  readonly authority: string | null;
  readonly protocolVersion: string | null;
  readonly clientAddress: string;
  readonly userAgent: string | null;
  /** What the caller got, 100-599; 0: nothing. */
  readonly status: number;
  /** As in EndedRequest. */
  readonly error: string | null;
  /** Of what was injected on purpose; null: nothing was. */
  readonly fault: string | null;
  /** Why it was not for this caller, or would not have been; null: it was, or nobody asks. */
  readonly access: AccessNote | null;
  readonly requestBodyBytes: number;
  readonly responseBodyBytes: number;
  readonly destination: AccessDestination | null;
  /** 32 and 16 hexadecimal digits. */
  readonly trace: { readonly traceId: string; readonly spanId: string } | null;
}

export interface AccessDestination {
  readonly service: string;
  readonly revisionId: string;
  /** Empty: no instance was there. */
  readonly instanceId: string;
}

/** A caller can make a line no longer than these allow; what is longer is cut, which `...` shows. */
const targetCharsMax = 1024;
const otherCharsMax = 256;

/**
 * One line of JSON, in ASCII whatever the caller has sent, ended by a line feed. Keys are attributes of OpenTelemetry's semantic
 * conventions (opentelemetry.io/docs/specs/semconv/http). Of the headers it has Host and User-Agent, and never one that
 * carries a secret.
 */
export function accessLine(
  record: AccessRecord,
  { hasQuery }: { readonly hasQuery: boolean },
): string {
  const { method, destination, trace, error, status } = record;
  let line = `{"timestamp":"${new Date(record.endedAtMs).toISOString()}"`;
  if (method !== null) {
    line += `,"http.request.method":"${methodNames[method] ?? '_OTHER'}"`;
    if (method === 0) line += textField('http.request.method_original', record.methodText);
  }
  line += `,"url.scheme":"${record.isSecure ? 'https' : 'http'}"`;
  if (record.target !== null) line += targetFields(record.target, hasQuery);
  if (record.authority !== null) line += textField('server.address', record.authority);
  if (record.protocolVersion !== null) {
    line += textField('network.protocol.version', record.protocolVersion);
  }
  line += textField('client.address', record.clientAddress);
  if (record.userAgent !== null) line += textField('user_agent.original', record.userAgent);
  if (status !== 0) line += `,"http.response.status_code":${status}`;
  // In seconds, as the metric of this name.
  line += `,"http.server.request.duration":${Math.max(0, Math.round(record.durationMs * 1000) / 1e6)}`;
  line += `,"http.request.body.size":${record.requestBodyBytes}`;
  line += `,"http.response.body.size":${record.responseBodyBytes}`;
  if (destination !== null) line += destinationFields(destination);
  if (trace !== null) line += `,"trace_id":"${trace.traceId}","span_id":"${trace.spanId}"`;
  if (error !== null) line += textField('error.type', error);
  if (record.fault !== null) line += textField('tidegate.fault', record.fault);
  if (record.access !== null) line += accessFields(record.access);
  return `${line}}\n`;
}

/** Without a rule: none allowed it. */
function accessFields({ mode, rule }: AccessNote): string {
  const how = textField('tidegate.authorization.mode', mode);
  return rule === null ? how : how + textField('tidegate.authorization.rule', rule);
}

/** Told in the log itself: so many lines are missing before this one. */
export function dropLine(atMs: number, count: number): string {
  const timestamp = new Date(atMs).toISOString();
  return `{"timestamp":"${timestamp}","event.name":"tidegate.access_log.dropped","tidegate.access_log.dropped":${count}}\n`;
}

/** A query has tokens and names in it more often than not, so it is told on demand only. */
function targetFields(target: string, hasQuery: boolean): string {
  const mark = target.indexOf('?');
  if (mark < 0) return textField('url.path', target, targetCharsMax);
  const path = textField('url.path', target.slice(0, mark), targetCharsMax);
  return hasQuery ? path + textField('url.query', target.slice(mark + 1), targetCharsMax) : path;
}

function destinationFields({ service, revisionId, instanceId }: AccessDestination): string {
  const revision =
    textField('tidegate.service', service) + textField('tidegate.revision', revisionId);
  return instanceId === '' ? revision : revision + textField('tidegate.instance', instanceId);
}

function textField(key: string, value: string, charsMax = otherCharsMax): string {
  const text = value.length > charsMax ? `${value.slice(0, charsMax)}...` : value;
  return `,"${key}":"${needsEscape.test(text) ? escaped(text) : text}"`;
}

/** All but visible ASCII: a log is read in terminals, where even U+009B begins a command. */
const needsEscape = /[^ !#-[\]-~]/;
const escapedSigns = /[^ !#-[\]-~]/g;

function escaped(text: string): string {
  return text.replace(escapedSigns, (sign) => {
    if (sign === '"' || sign === '\\') return `\\${sign}`;
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
