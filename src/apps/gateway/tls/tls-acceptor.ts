import type { Socket } from 'node:net';
import { createServer, type SecureContext, type Server, TLSSocket } from 'node:tls';
import type { Certificates, ServedPair } from './certificates.ts';
import {
  alpnProtocols,
  contextOptions,
  type HandshakeLimits,
  usualHandshakeLimits,
} from './tls-settings.ts';

/** What becomes of a connection when its handshake is done. */
export interface Greeted {
  readonly socket: TLSSocket;
  readonly certificate: ServedPair;
  readonly protocol: 'h2' | 'http/1.1';
}

/** `unrecognized_name` (112), fatal, as RFC 6066 section 3 wants it: one record of an alert (RFC 8446 section 6). */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/**
 * Shakes hands on connections that others have accepted. A caller is shown the certificate that has the name it asked for,
 * or the default one; where there is neither, it hears that its name is not recognized.
 */
export class TlsAcceptor {
  readonly #certificates: Certificates;
  readonly #limits: HandshakeLimits;
  #default: ServedPair | null = null;
  readonly #server: Server;
  /** By address and port of the caller: handshakes under way. */
  readonly #greeting = new Map<string, Greeting>();

  constructor(
    certificates: Certificates,
    onGreeted: (greeted: Greeted) => void,
    limits: HandshakeLimits = usualHandshakeLimits,
  ) {
    this.#certificates = certificates;
    this.#limits = limits;
    this.#server = createServer({
      ...contextOptions,
      allowHalfOpen: true,
      handshakeTimeout: limits.handshakeMs,
      ALPNProtocols: [...alpnProtocols],
      SNICallback: withSocket((socket, name, done) => this.#choose(socket, name, done)),
    });
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      const greeting = this.#greeting.get(keyOf(socket));
      this.#greeting.delete(keyOf(socket));
      const certificate = greeting?.certificate ?? null;
      // The connection has closed meanwhile.
      if (certificate === null) socket.destroy();
      else onGreeted({ socket, certificate, protocol: protocolOf(socket) });
    });
    // A handshake that fails is the caller's matter; the socket is closed by then.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  accept(socket: Socket): void {
    const key = keyOf(socket);
    if (this.#greeting.size >= this.#limits.handshakesMax) {
      socket.destroy();
      return;
    }
    this.#useDefault();
    const greeting: Greeting = { socket, certificate: this.#default };
    this.#greeting.set(key, greeting);
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#greeting.get(key) === greeting) this.#greeting.delete(key);
    });
    this.#server.emit('connection', socket);
  }

  /** Cuts handshakes under way: nothing has been asked on those connections. */
  close(): void {
    for (const { socket } of this.#greeting.values()) socket.destroy();
  }

  /** For callers that name no host. Without a default they get OpenSSL's handshake_failure. */
  #useDefault(): void {
    const pair = this.#certificates.default;
    if (pair === this.#default) return;
    this.#default = pair;
    this.#server.setSecureContext(pair?.pair.contextInput ?? contextOptions);
  }

  #choose(socket: unknown, name: string, done: SniDone): void {
    const greeting = socket instanceof TLSSocket ? this.#greeting.get(keyOf(socket)) : undefined;
    const served = this.#certificates.pick(name);
    if (served === null) {
      // Node closes without a word here, so the alert is written beside it: nothing has been sent before.
      greeting?.socket.end(unrecognizedName);
      done(new Error('no certificate has this name'));
      return;
    }
    if (greeting !== undefined) greeting.certificate = served;
    done(null, served.pair.context);
  }
}

type SniDone = (error: Error | null, context?: SecureContext) => void;

/** Node calls it as a method of the connection, which it documents nowhere; what comes is looked at before it is believed. */
function withSocket(choose: (socket: unknown, name: string, done: SniDone) => void) {
  return function callback(this: unknown, name: string, done: SniDone): void {
    choose(this, name, done);
  };
}

interface Greeting {
  readonly socket: Socket;
  certificate: ServedPair | null;
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** HTTP/1.1 for callers that know no ALPN. */
function protocolOf({ alpnProtocol }: TLSSocket): Greeted['protocol'] {
  return alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
}
