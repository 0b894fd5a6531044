import type { Socket } from 'node:net';
import { createServer, type SecureContext, type Server, TLSSocket } from 'node:tls';
import type { CallerPeer } from '../identity/caller-peer.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { tlsPeer } from '../identity/tls-peer.ts';
import { AskingContexts } from './asking-contexts.ts';
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
  /** Null: it was not asked who it is. */
  readonly peer: CallerPeer | null;
}

export interface AcceptorOptions {
  readonly limits?: HandshakeLimits;
  /** Once it is there, callers are asked for a certificate. Absent: never. */
  readonly identity?: GatewayIdentity | null;
}

/** `unrecognized_name` (112), fatal, as RFC 6066 section 3 wants it: one record of an alert (RFC 8446 section 6). */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

/**
 * Shakes hands on connections that others have accepted. A caller is shown the certificate that has the name it asked for,
 * or the default one; where there is neither, it hears that its name is not recognized.
 *
 * Whether a caller's certificate is good is told to whoever serves it, and ends no handshake: an answer can say why it is refused.
 */
export class TlsAcceptor {
  readonly #certificates: Certificates;
  readonly #limits: HandshakeLimits;
  readonly #identity: GatewayIdentity | null;
  readonly #asking: AskingContexts | null;
  readonly #server: Server;
  /** Asks callers for a certificate. */
  readonly #askingServer: Server;
  /** What the two show to callers that name no host. */
  #default: ServedPair | null = null;
  #askingDefault: ServedPair | null = null;
  #askingBundlePem = '';
  /** By address and port of the caller: handshakes under way. */
  readonly #greeting = new Map<string, Greeting>();

  constructor(
    certificates: Certificates,
    onGreeted: (greeted: Greeted) => void,
    { limits = usualHandshakeLimits, identity = null }: AcceptorOptions = {},
  ) {
    this.#certificates = certificates;
    this.#limits = limits;
    this.#identity = identity;
    this.#asking = identity === null ? null : new AskingContexts(identity);
    this.#server = this.#newServer({ requestCert: false }, onGreeted);
    this.#askingServer = this.#newServer({ requestCert: true }, onGreeted);
  }

  #newServer(
    { requestCert }: { readonly requestCert: boolean },
    onGreeted: (greeted: Greeted) => void,
  ): Server {
    const server = createServer({
      ...contextOptions,
      allowHalfOpen: true,
      handshakeTimeout: this.#limits.handshakeMs,
      ALPNProtocols: [...alpnProtocols],
      requestCert,
      rejectUnauthorized: false,
      SNICallback: withSocket((socket, name, done) => this.#choose(socket, name, done)),
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const greeting = this.#greeting.get(keyOf(socket));
      this.#greeting.delete(keyOf(socket));
      const certificate = greeting?.certificate ?? null;
      // The connection has closed meanwhile.
      if (certificate === null) {
        socket.destroy();
        return;
      }
      const asked = requestCert ? this.#identity : null;
      const peer = asked === null ? null : tlsPeer(socket, asked);
      onGreeted({ socket, certificate, protocol: protocolOf(socket), peer });
    });
    // A handshake that fails is the caller's matter; the socket is closed by then.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  accept(socket: Socket): void {
    const key = keyOf(socket);
    if (this.#greeting.size >= this.#limits.handshakesMax) {
      socket.destroy();
      return;
    }
    const isAsked = this.#asking !== null && this.#asking.own !== null;
    const certificate = isAsked ? this.#useAskingDefault(this.#asking) : this.#useDefault();
    const greeting: Greeting = { socket, certificate, isAsked };
    this.#greeting.set(key, greeting);
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#greeting.get(key) === greeting) this.#greeting.delete(key);
    });
    const server = isAsked ? this.#askingServer : this.#server;
    server.emit('connection', socket);
  }

  /** Cuts handshakes under way: nothing has been asked on those connections. */
  close(): void {
    for (const { socket } of this.#greeting.values()) socket.destroy();
  }

  /** For callers that name no host. Without a default they get OpenSSL's handshake_failure. */
  #useDefault(): ServedPair | null {
    const pair = this.#certificates.default;
    if (pair !== this.#default) {
      this.#default = pair;
      this.#server.setSecureContext(pair?.pair.contextInput ?? contextOptions);
    }
    return pair;
  }

  #useAskingDefault(asking: AskingContexts): ServedPair | null {
    const pair = this.#certificates.default ?? asking.own;
    const bundlePem = this.#identity?.own?.bundlePem ?? '';
    if (pair !== this.#askingDefault || bundlePem !== this.#askingBundlePem) {
      this.#askingDefault = pair;
      this.#askingBundlePem = bundlePem;
      this.#askingServer.setSecureContext(pair === null ? contextOptions : asking.inputOf(pair));
    }
    return pair;
  }

  #choose(socket: unknown, name: string, done: SniDone): void {
    const greeting = socket instanceof TLSSocket ? this.#greeting.get(keyOf(socket)) : undefined;
    const asking = greeting?.isAsked === true ? this.#asking : null;
    const served = this.#servedFor(name, asking);
    if (served === null) {
      // Node closes without a word here, so the alert is written beside it: nothing has been sent before.
      greeting?.socket.end(unrecognizedName);
      done(new Error('no certificate has this name'));
      return;
    }
    if (greeting !== undefined) greeting.certificate = served;
    done(null, asking === null ? served.pair.context : asking.contextOf(served));
  }

  /** A certificate by files goes before the gateway's own, and both before one that does not have the name. */
  #servedFor(name: string, asking: AskingContexts | null): ServedPair | null {
    const { default: usual } = this.#certificates;
    if (asking === null) return this.#certificates.named(name) ?? usual;
    return this.#certificates.named(name) ?? asking.ownFor(name) ?? usual ?? asking.own;
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
  readonly isAsked: boolean;
  certificate: ServedPair | null;
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** HTTP/1.1 for callers that know no ALPN. */
function protocolOf({ alpnProtocol }: TLSSocket): Greeted['protocol'] {
  return alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
}
