import { canonicalJson, EvidenceError, parseCanonicalJson } from './canonical-json.ts';
import { envelopeText, preAuthenticationEncoding, readEnvelope } from './envelope.ts';
import type { Envelope } from './envelope.ts';
import { readCount, readObject, readSha256, readText } from './read-json.ts';

/**
 * A ledger as one file of ASCII lines, each canonical JSON and ended by a line feed:
 *
 *   {"format":"tidegate-ledger-export/v1","origin":"..."}     which ledger
 *   {"payload":"...","payloadType":"...","signatures":[...]}  one leaf a line, byte for byte
 *   {"payload":"...","payloadType":"...trailer...",...}       count and head, signed with the ledger's key
 *
 * The trailer makes a file that was cut at a line's end differ from a shorter ledger.
 */

export const EXPORT_FORMAT = 'tidegate-ledger-export/v1';
export const TRAILER_TYPE = 'application/vnd.tidegate.ledger-export-trailer.v1+json';

/** An entry's line is at most 60 KiB; nothing that may follow is longer. */
export const MAX_LINE_BYTES = 64 * 1024;

export interface ExportTrailer {
  readonly origin: string;
  readonly count: number;
  readonly headLeafHash: string;
}

/** A ledger's name is the leaf hash of its entry 0: two ledgers never share it, and nobody has to choose it. */
export function originOf(firstEntryHash: string): string {
  return `tidegate.dev/ledger/${firstEntryHash}`;
}

export function exportHeaderLine(origin: string): string {
  return canonicalJson({ format: EXPORT_FORMAT, origin });
}

/** The origin; throws an EvidenceError. */
export function readExportHeader(line: string): string {
  const header = readObject(parseCanonicalJson(line), ['format', 'origin'], 'the header');
  if (header['format'] !== EXPORT_FORMAT) {
    throw new EvidenceError(`the format is not ${EXPORT_FORMAT}`);
  }
  return readText(header['origin'], 'origin');
}

export interface UnsignedTrailer {
  readonly payload: Uint8Array;
  readonly signedBytes: Uint8Array;
}

export function unsignedTrailer(trailer: ExportTrailer): UnsignedTrailer {
  const { origin, count, headLeafHash } = trailer;
  const payload = Buffer.from(canonicalJson({ origin, count, headLeafHash }));
  return { payload, signedBytes: preAuthenticationEncoding(TRAILER_TYPE, payload) };
}

export function exportTrailerLine(
  unsigned: UnsignedTrailer,
  keyId: string,
  signature: Uint8Array,
): string {
  const { payload } = unsigned;
  return envelopeText({ payloadType: TRAILER_TYPE, payload, keyId, signature });
}

/** Only tells which reader is to judge the line: base64 has no quotes, so a payload can't pretend to be a trailer. */
export function isTrailerLine(line: string): boolean {
  return line.includes(`"payloadType":"${TRAILER_TYPE}"`);
}

export interface SignedTrailer {
  readonly trailer: ExportTrailer;
  readonly envelope: Envelope;
}

/** Throws an EvidenceError. The signature is not checked here. */
export function readExportTrailer(line: string): SignedTrailer {
  const envelope = readEnvelope(line);
  if (envelope.payloadType !== TRAILER_TYPE) throw new EvidenceError('it is not a trailer');
  if (envelope.second !== null) throw new EvidenceError('a trailer has one signature');
  const keys = ['origin', 'count', 'headLeafHash'];
  const payload = readObject(envelope.payload, keys, 'the trailer');
  return {
    envelope,
    trailer: {
      origin: readText(payload['origin'], 'origin'),
      count: readCount(payload['count'], 'count'),
      headLeafHash: readSha256(payload['headLeafHash'], 'headLeafHash'),
    },
  };
}

/**
 * The lines of a file, split at line feeds only. A byte becomes the character of the same number, which never fails;
 * what is not ASCII is then refused by the verification like any other wrong line. A line longer than allowed is given
 * as far as it was read and ends the file.
 */
export async function* exportLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const pieces = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
    rest = pieces.pop() ?? '';
    yield* pieces;
    if (rest.length > MAX_LINE_BYTES) break;
  }
  if (rest !== '') yield rest;
}
