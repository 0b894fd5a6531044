import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServedCertificate } from '../fast/caller-link.ts';
import { type CertificatePair, type PairFiles, readPair } from './certificate-pair.ts';

export interface CertificatesOptions {
  /** Each of its NAME.crt with its NAME.key; null: none. */
  readonly folder: string | null;
  readonly pairs: readonly PairFiles[];
  /** Shown to callers that name no host, or one that no certificate has; null: the pair called `default`, if there is one. */
  readonly defaultName: string | null;
  readonly log: (message: string) => void;
}

const pairsMax = 1000;
/** Files are looked at by name, size and time; a watch of the kernel's does not see through mounts and links. */
const lookEveryMs = 2000;
const hostsKnownMax = 1000;

/**
 * The certificates in force.
 *
 * - T1. All of them are switched in one step; a handshake under way goes on with the one it has.
 * - T2. A pair that has become unreadable, or does not fit together, leaves the one of its name in force, and the log says
 *   which file it is and why. One whose files are gone is gone.
 * - T3. Nothing of a key is in any message.
 */
export class Certificates implements Disposable {
  readonly #options: CertificatesOptions;
  #pairs: ReadonlyMap<string, ServedPair> = new Map();
  #exact: ReadonlyMap<string, ServedPair> = new Map();
  #wildcards: ReadonlyMap<string, ServedPair> = new Map();
  #seen = '';
  #told = new Set<string>();
  #turn: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  /** How many are served. */
  get count(): number {
    return this.#pairs.size;
  }

  has(name: string): boolean {
    return this.#pairs.has(name);
  }

  /** Null: there is no certificate for this name. */
  named(serverName: string): ServedPair | null {
    const name = serverName.toLowerCase().replace(/\.$/, '');
    const dot = name.indexOf('.');
    const above = dot > 0 ? name.slice(dot) : '';
    return this.#exact.get(name) ?? this.#wildcards.get(above) ?? null;
  }

  get default(): ServedPair | null {
    return this.#pairs.get(this.#options.defaultName ?? 'default') ?? null;
  }

  /** Reads all files again; one call after the other. */
  reload(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#reload());
    return this.#turn;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const seen = await this.#signature();
    if (seen !== this.#seen) await this.reload();
  }

  async #reload(): Promise<void> {
    this.#seen = await this.#signature();
    const told = new Set<string>();
    const tell = (message: string): void => {
      told.add(message);
      if (!this.#told.has(message)) this.#options.log(message);
    };
    const pairs = new Map<string, ServedPair>();
    for (const files of await this.#files(tell)) {
      const read = await readPair(files, Date.now());
      const before = this.#pairs.get(files.name);
      if ('reason' in read) {
        const kept = before === undefined ? 'is not served' : 'stays as it was';
        tell(`the certificate '${files.name}' ${kept}: ${read.file} ${read.reason}`);
        if (before !== undefined) pairs.set(files.name, before);
        continue;
      }
      for (const warning of read.warnings) tell(`the certificate '${files.name}' ${warning}`);
      const isSame = before?.pair.certificate.fingerprint256 === read.certificate.fingerprint256;
      if (!isSame) tell(`serving the certificate '${files.name}' for ${namesOf(read)}`);
      pairs.set(files.name, new ServedPair(read));
    }
    this.#told = told;
    this.#switch(pairs, tell);
  }

  #switch(pairs: ReadonlyMap<string, ServedPair>, tell: (message: string) => void): void {
    const exact = new Map<string, ServedPair>();
    const wildcards = new Map<string, ServedPair>();
    for (const served of pairs.values()) {
      for (const name of served.pair.dnsNames) {
        const names = name.startsWith('*.') ? wildcards : exact;
        const key = name.startsWith('*.') ? name.slice(1) : name;
        const other = names.get(key);
        if (other === undefined) names.set(key, served);
        else tell(`'${other.pair.name}' is served for ${name}, and not '${served.pair.name}'`);
      }
    }
    this.#pairs = pairs;
    this.#exact = exact;
    this.#wildcards = wildcards;
  }

  async #files(tell: (message: string) => void): Promise<readonly PairFiles[]> {
    const { folder, pairs } = this.#options;
    if (folder === null) return pairs;
    const names = await namesIn(folder);
    if (names === null) {
      tell(`the folder of certificates ${folder} cannot be read; all stay as they were`);
      return [...this.#pairs.keys()].map((name) => filesOf(folder, name));
    }
    if (names.length > pairsMax) tell(`${folder} has more than ${pairsMax}; the first are served`);
    return [...pairs, ...names.slice(0, pairsMax).map((name) => filesOf(folder, name))];
  }

  async #signature(): Promise<string> {
    const { folder, pairs } = this.#options;
    const names = folder === null ? [] : ((await namesIn(folder)) ?? []);
    const all = [...pairs, ...names.map((name) => filesOf(folder ?? '', name))];
    const files = all.flatMap(({ certificate, key }) => [certificate, key]);
    const parts = await Promise.all(files.slice(0, 2 * pairsMax).map(signatureOf));
    return parts.join('\n');
  }
}

/** A pair in force, with the hosts that it was asked about. */
export class ServedPair implements ServedCertificate {
  readonly pair: CertificatePair;
  readonly #known = new Map<string, boolean>();

  constructor(pair: CertificatePair) {
    this.pair = pair;
  }

  covers(authority: string): boolean {
    let isCovered = this.#known.get(authority);
    if (isCovered === undefined) {
      isCovered = this.#check(authority);
      if (this.#known.size === hostsKnownMax) this.#known.clear();
      this.#known.set(authority, isCovered);
    }
    return isCovered;
  }

  /** As a client checks it, RFC 9525 section 6: by subjectAltName alone. */
  #check(authority: string): boolean {
    const { certificate } = this.pair;
    const host = authority.replace(/:\d{1,5}$/, '').replace(/\.$/, '');
    if (host.startsWith('[')) return certificate.checkIP(host.slice(1, -1)) !== undefined;
    if (/^[\d.]+$/.test(host)) return certificate.checkIP(host) !== undefined;
    return certificate.checkHost(host, { subject: 'never' }) !== undefined;
  }
}

function filesOf(folder: string, name: string): PairFiles {
  return { name, certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
}

async function namesIn(folder: string): Promise<readonly string[] | null> {
  try {
    const files = await readdir(folder);
    return files
      .filter((file) => file.endsWith('.crt'))
      .map((file) => file.slice(0, -4))
      .toSorted();
  } catch {
    // The caller tells of it, once, and keeps what it has.
    return null;
  }
}

async function signatureOf(file: string): Promise<string> {
  try {
    const { size, mtimeMs, ino, mode } = await stat(file);
    return [file, size, mtimeMs, ino, mode].join(' ');
  } catch (error) {
    return `${file} ${(error as NodeJS.ErrnoException).code}`;
  }
}

function namesOf({ dnsNames }: CertificatePair): string {
  if (dnsNames.length === 0) return 'no name (it has no DNS name in its subjectAltName)';
  const shown = dnsNames.slice(0, 10).join(', ');
  return dnsNames.length > 10 ? `${shown} and ${dnsNames.length - 10} more` : shown;
}
