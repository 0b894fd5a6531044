import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { EngineFixture } from '../fast/engine.fixture.ts';
import type { PartsOptions } from '../fast/parts.ts';
import { CertificateFolder } from './certificate.fixture.ts';
import { Certificates } from './certificates.ts';

export interface TlsFixtureOptions {
  readonly pairs: Readonly<Record<string, readonly string[]>>;
  readonly hosts: readonly string[];
  readonly serve: (socket: Socket) => void;
  readonly parts?: Partial<PartsOptions>;
}

/** For tests: the engine with TLS and with h2c, and certificates of a test's own authority. */
export class TlsFixture implements AsyncDisposable {
  readonly engine: EngineFixture;
  readonly folder: CertificateFolder;
  readonly certificates: Certificates;
  readonly log: readonly string[];
  readonly tlsPort: number;

  private constructor(
    made: Pick<TlsFixture, 'engine' | 'folder' | 'certificates' | 'log' | 'tlsPort'>,
  ) {
    this.engine = made.engine;
    this.folder = made.folder;
    this.certificates = made.certificates;
    this.log = made.log;
    this.tlsPort = made.tlsPort;
  }

  static async start({ pairs, hosts, serve, parts }: TlsFixtureOptions): Promise<TlsFixture> {
    const folder = await CertificateFolder.make(pairs);
    const log: string[] = [];
    const certificates = new Certificates({
      folder: folder.path,
      pairs: [],
      defaultName: null,
      log: (message) => log.push(message),
    });
    await certificates.reload();
    let tlsPort = 0;
    const address = { host: '127.0.0.1', port: 0 };
    const onListening = ({ port }: { readonly port: number }): void => {
      tlsPort = port;
    };
    const tls = { address, certificates, onListening };
    const engine = await EngineFixture.start(hosts, serve, parts, { isH2cTaken: true, tls });
    return new TlsFixture({ engine, folder, certificates, log, tlsPort });
  }

  /** Resolves when the handshake is done, rejects when it fails. */
  async connect(serverName: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({
      host: '127.0.0.1',
      port: this.tlsPort,
      ...(serverName === '' ? {} : { servername: serverName }),
      ca: this.folder.authority.pem,
      ...options,
    });
    await once(socket, 'secureConnect');
    socket.on('error', () => {});
    return socket;
  }

  session(serverName: string): ClientHttp2Session {
    const session = connectHttp2(`https://127.0.0.1:${this.tlsPort}`, {
      servername: serverName,
      ca: this.folder.authority.pem,
    });
    session.on('error', () => {});
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.certificates[Symbol.dispose]();
    await this.engine[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}
