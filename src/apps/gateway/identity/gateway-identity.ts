import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { currentName, svidFiles } from '../../../adapters/authority/svid-folder.ts';
import { type DenyList, noDenials } from '../../../domain/identity/deny-list.ts';
import { contextOptions } from '../tls/tls-settings.ts';
import { parseDenyList } from './parse-deny-list.ts';
import { readSvid, type Svid } from './svid.ts';

/** The gateway's own certificate, and whom it trusts. Replaced whole. */
export interface OwnIdentity {
  readonly svid: Svid;
  readonly certificate: X509Certificate;
  /** Certificates of the authorities that are trusted, in PEM. */
  readonly bundlePem: string;
  /** For connections to instances. */
  readonly clientContext: SecureContext;
  /** What contexts with it are made of. It has the key: never to be shown. */
  readonly contextInput: SecureContextOptions;
}

/** The link to the version in force is read so often: nothing else is, while it is the same. */
const lookEveryMs = 200;

/**
 * Reads the gateway's identity from the folder where the server renews it.
 *
 * - I1. All of a version is taken, or nothing; one that is no use leaves the one before in force, and the log says why, once.
 * - I2. No folder, or an empty one: there is no identity, so nobody is known, and no instance is asked that wants one.
 * - I3. Nothing of a key is in a message.
 */
export class GatewayIdentity implements Disposable {
  readonly #folder: string;
  readonly #log: (message: string) => void;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  #own: OwnIdentity | null = null;
  #denied: DenyList = noDenials;
  #version = '';
  #told = '';
  #isLooking = false;

  private constructor(folder: string, log: (message: string) => void) {
    this.#folder = folder;
    this.#log = log;
    this.#timer = setInterval(() => void this.#lookOnce(), lookEveryMs);
    this.#timer.unref();
  }

  static async open(folder: string, log: (message: string) => void): Promise<GatewayIdentity> {
    const identity = new GatewayIdentity(folder, log);
    await identity.#lookOnce();
    return identity;
  }

  /** Null: none yet. */
  get own(): OwnIdentity | null {
    return this.#own;
  }

  get denied(): DenyList {
    return this.#denied;
  }

  /** `hear` is called whenever `own` or `denied` is another one. */
  onChange(hear: () => void): void {
    this.#listeners.add(hear);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #lookOnce(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
      this.#told = '';
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `the identity in ${this.#folder} is no use: ${why}`;
      if (message !== this.#told) this.#log(message);
      this.#told = message;
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<void> {
    const version = versionIn(this.#folder);
    if (version === '' || version === this.#version) return;
    const place = join(this.#folder, version);
    const text = (file: string): Promise<string> => readFile(join(place, file), 'utf8');
    const own = ownIdentity(
      await text(svidFiles.certificate),
      await text(svidFiles.key),
      await text(svidFiles.bundle),
    );
    const denied = parseDenyList(await text(svidFiles.denied));
    const isFirst = this.#own === null;
    this.#own = own;
    this.#denied = denied;
    this.#version = version;
    if (isFirst) this.#log(`this gateway is ${own.svid.id.text}`);
    for (const hear of this.#listeners) hear();
  }
}

function ownIdentity(certificatePem: string, keyPem: string, bundlePem: string): OwnIdentity {
  const certificate = new X509Certificate(certificatePem);
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw new RangeError('the key belongs to another certificate');
  }
  const domain = /URI:spiffe:\/\/([^/,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? '';
  const read = readSvid(certificate, domain);
  if (read.kind === 'fault') throw new RangeError(`its certificate ${read.fault}`);
  const contextInput = { ...contextOptions, cert: certificatePem, key: keyPem, ca: bundlePem };
  const clientContext = createSecureContext(contextInput);
  return { svid: read.svid, certificate, bundlePem, clientContext, contextInput };
}

/**
 * Empty: none yet. Asked for at once and not by Node's pool of threads: to wake one of those up, five times a second for ever, held the
 * thread that serves up for longer (a fiftieth of a busy core) than the call itself takes.
 */
function versionIn(folder: string): string {
  try {
    return readlinkSync(join(folder, currentName));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    throw error;
  }
}
