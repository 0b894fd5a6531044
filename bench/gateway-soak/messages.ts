import { Content } from './content.ts';

const headBytes = 8;

/** The message with this number of this connection: both, then octets of the connection's content. */
export function messageOf(content: Content, connection: number, sequence: number): Buffer {
  const bytes = sizeOf(sequence);
  const message = Buffer.allocUnsafe(headBytes + bytes);
  message.writeUInt32LE(connection, 0);
  message.writeUInt32LE(sequence, 4);
  content.block(sequence).copy(message, headBytes, 0, bytes);
  return message;
}

/** Most are small; some do not fit into a read, or a frame's shorter forms of length (RFC 6455 section 5.2). */
function sizeOf(sequence: number): number {
  return [10, 125, 126, 1000, 65_000, 0, 300, 20_000][sequence % 8] ?? 0;
}

/** Texts must be UTF-8, so they carry the same octets in hexadecimal. */
export function textOf(message: Buffer): string {
  return message.toString('hex');
}

/** Compares the messages of one connection with what they should be, in their order. */
export class MessageCheck {
  /** Messages that have arrived. */
  count = 0;
  readonly #connection: number;
  readonly #content: Content;

  constructor(connection: number) {
    this.#connection = connection;
    this.#content = new Content(connection);
  }

  /** What is wrong with the next message; null: nothing. */
  take(data: Buffer): string | null {
    const wanted = messageOf(this.#content, this.#connection, this.count);
    const isText = data.length === 2 * wanted.length && this.count % 2 === 1;
    const octets = isText ? Buffer.from(data.toString('latin1'), 'hex') : data;
    if (!octets.equals(wanted)) {
      return `message ${this.count} of connection ${this.#connection} is not what was sent`;
    }
    this.count += 1;
    return null;
  }
}
