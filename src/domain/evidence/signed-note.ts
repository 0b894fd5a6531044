import { EvidenceError } from './canonical-json.ts';
import { checkName } from './note-key.ts';
import { readBase64, readUtf8 } from './read-json.ts';

/**
 * Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature:
 *
 *   — <key name> <base64 of four bytes of key id and the signature>
 *
 * The reader is strict: what it accepts is what `formatNote` writes, byte for byte.
 */
export interface SignedNote {
  /** What is signed; ends with a line feed. */
  readonly text: string;
  readonly lines: readonly NoteLine[];
}

export interface NoteLine {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** The specification wants at least 16 to be accepted; an ML-DSA-44 line has 3.3 kB. */
export const MAX_NOTE_LINES = 64;
export const MAX_NOTE_BYTES = 512 * 1024;

const KEY_ID_BYTES = 4;

/** Throws an EvidenceError. No signature is checked here. */
export function parseNote(bytes: Uint8Array): SignedNote {
  if (bytes.length > MAX_NOTE_BYTES) {
    throw new EvidenceError(`the note is longer than ${MAX_NOTE_BYTES} bytes`);
  }
  const whole = readUtf8(bytes, 'the note');
  checkText(whole, 'the note');
  const split = whole.lastIndexOf('\n\n');
  if (split === -1) throw new EvidenceError('the note has no empty line before its signatures');
  const lines = parseNoteLines(whole.slice(split + 2));
  if (lines.length === 0) throw new EvidenceError('the note has no signature');
  return { text: whole.slice(0, split + 1), lines };
}

/** Lines of signatures alone, as a witness answers with; throws an EvidenceError. */
export function parseNoteLines(text: string): readonly NoteLine[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new EvidenceError('the last line of signatures is cut off');
  const lines = text.slice(0, -1).split('\n');
  if (lines.length > MAX_NOTE_LINES) {
    throw new EvidenceError(`the note has more than ${MAX_NOTE_LINES} signatures`);
  }
  return lines.map(parseNoteLine);
}

export function formatNote(note: SignedNote): string {
  return `${note.text}\n${note.lines.map(formatNoteLine).join('')}`;
}

export function formatNoteLine(line: NoteLine): string {
  const content = Buffer.concat([Buffer.from(line.keyId, 'hex'), line.signature]);
  return `\u2014 ${line.name} ${content.toString('base64')}\n`;
}

function parseNoteLine(line: string): NoteLine {
  const [, name = '', encoded = ''] = /^\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
  if (name === '') throw new EvidenceError('a line is not a signature: an em dash, a name, base64');
  checkName(name);
  const content = readBase64(encoded, 'a signature');
  if (content.length <= KEY_ID_BYTES) throw new EvidenceError('a signature is empty');
  return {
    name,
    keyId: Buffer.from(content.subarray(0, KEY_ID_BYTES)).toString('hex'),
    signature: content.subarray(KEY_ID_BYTES),
  };
}

function checkText(text: string, what: string): void {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 && code !== 0x0a) {
      throw new EvidenceError(`${what} has a control character (${code})`);
    }
  }
}
