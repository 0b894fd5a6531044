import { bitsOf, hopByHopBits, known, knownHeader } from './known-headers.ts';
import { tokenOctet, valueOctet } from './octets.ts';

/** Only the writers frame a message and say for whom it is. */
const reservedBits = hopByHopBits | bitsOf(known.host, known.contentLength, known.expect);

/**
 * Header lines that the gateway adds, ready to be copied. Made from checked names and values only, so no text from
 * elsewhere (a revision, an address) can end a line or frame a message. Make them once, where a table or a connection
 * is new, not for each message.
 */
export class FixedLines {
  readonly bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(headers: readonly (readonly [name: string, value: string])[]): FixedLines {
    const lines = headers.map(
      ([name, value]) => `${checkedName(name)}: ${checkedValue(value)}\r\n`,
    );
    return new FixedLines(Buffer.from(lines.join(''), 'latin1'));
  }

  /** These, and behind them others. */
  and(more: FixedLines): FixedLines {
    return new FixedLines(Buffer.concat([this.bytes, more.bytes]));
  }
}

/** A value that the gateway writes itself, such as the caller's address. */
export class FixedValue {
  readonly bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(text: string): FixedValue {
    return new FixedValue(Buffer.from(checkedValue(text), 'latin1'));
  }
}

function checkedName(name: string): string {
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length === 0 || bytes.some((octet) => tokenOctet[octet] === 0)) {
    throw new RangeError(`cannot write a header ${JSON.stringify(name)}: its name is no token`);
  }
  const id = knownHeader(bytes, 0, bytes.length);
  if (id > known.other && ((1 << id) & reservedBits) !== 0) {
    throw new RangeError(`cannot add a header ${name}: only the writer of a head sets it`);
  }
  return name;
}

function checkedValue(value: string): string {
  const isFit = Array.from(value).every((letter) => {
    const code = letter.codePointAt(0) ?? 0;
    return code < 256 && valueOctet[code] !== 0;
  });
  if (isFit && value === value.trim()) return value;
  throw new RangeError(
    `cannot write the header value ${JSON.stringify(value)}: it has control characters, spaces around it, or is not Latin-1`,
  );
}
