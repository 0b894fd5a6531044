import { createHash, type KeyObject } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import {
  backdateMs,
  signingAuthority,
  successorSignsFromMs,
} from '../../domain/identity/authority-schedule.ts';
import { type DenyList, denyListMax, normalSerial } from '../../domain/identity/deny-list.ts';
import { trustDomainFault, trustDomainIdOf } from '../../domain/identity/spiffe-id.ts';
import { AuthorityError } from './authority-error.ts';
import {
  type Authority,
  type AuthorityNote,
  checkGiven,
  type GivenAuthority,
  parseNote,
  svidLifeMsRange,
} from './authority-record.ts';
import { makeAuthority, readSigningKey } from './make-certificate.ts';
import { parseRevocation, type Revocation } from './revocation.ts';

export const usualTrustDomain = 'tidegate.local';
export const usualSvidLifeMs = 3_600_000;
const ownLifeMs = 365 * 24 * 3_600_000;
const authoritiesMax = 1000;

/**
 * The certificate authority of a state folder: `authority-<number>/` with `authority.json`, `chain.pem`, `roots.pem` and `key.pem`, and
 * `revoked/<name>.json`.
 *
 * - A1. A key is written once, by its creation, 0600 in a folder 0700; it leaves the folder in no way, and ends when nobody trusts
 *   what it has signed.
 * - A2. Nothing else here is ever changed: an authority, or a revocation, is a new name, and whoever comes second with one number is
 *   refused. So a command and a server can work on it at the same time.
 * - A3. What cannot be read is an error and never taken for absent: a new authority in its place would end all trust.
 */
export class AuthorityFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** By their numbers; empty: nobody has made any. */
  async read(): Promise<readonly Authority[]> {
    const names = (await namesIn(this.#path)).filter((name) => /^authority-\d+$/.test(name));
    if (names.length > authoritiesMax) {
      throw new AuthorityError(
        'unreadable',
        `${this.#path} has more than ${authoritiesMax} authorities`,
      );
    }
    const all = await Promise.all(names.map((name) => this.#readOne(name)));
    return all.toSorted((a, b) => a.number - b.number);
  }

  /** Of one that `read` returned. */
  async keyOf({ number }: Authority): Promise<KeyObject> {
    const path = join(this.#path, nameOf(number), files.key);
    const { mode } = await stat(path).catch((cause: unknown) => {
      throw unreadable(path, cause);
    });
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      const remedy = `others may have used it; rotate (tidegate ca rotate), or run chmod 600 ${path}`;
      throw new AuthorityError(
        'refused',
        `the key ${path} has the permissions ${shown}: ${remedy}`,
      );
    }
    const key = readSigningKey(await readFile(path, 'utf8'));
    if (key === null)
      throw new AuthorityError('unreadable', `cannot read the key ${path}: it is none`);
    return key;
  }

  /**
   * Removes the key of one that is over, overwritten first as far as the file system does that in place. There is none: nothing
   * happens. What others look at, certificates and times, stays.
   */
  async forgetKey({ number }: Authority): Promise<void> {
    const path = join(this.#path, nameOf(number), files.key);
    try {
      await using file = await open(path, 'r+');
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size), 0, size, 0);
      await file.sync();
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw unreadable(path, cause);
    }
    await rm(path, { force: true });
  }

  /** The first one; refused where there is one. */
  async init(wish: {
    readonly trustDomain: string;
    readonly svidLifeMs: number;
    readonly given: GivenAuthority | null;
    readonly nowMs: number;
  }): Promise<Authority> {
    const { trustDomain, svidLifeMs, given, nowMs } = wish;
    const fault = trustDomainFault(trustDomain);
    if (fault !== null)
      throw new AuthorityError('refused', `an identifier of '${trustDomain}' ${fault}`);
    if (svidLifeMs < svidLifeMsRange.min || svidLifeMs > svidLifeMsRange.max) {
      throw new AuthorityError(
        'refused',
        `certificates cannot live ${svidLifeMs} ms: it must be 1s to 24h`,
      );
    }
    if ((await this.read()).length > 0)
      throw taken(
        'there is a certificate authority already; to have another one: tidegate ca rotate',
      );
    const times = { number: 1, createdAtMs: nowMs, signsFromMs: nowMs, svidLifeMs, trustDomain };
    return this.#add(times, given);
  }

  /** Another one takes the place of the newest, when everybody can have learnt of it. */
  async rotate(given: GivenAuthority | null, nowMs: number): Promise<Authority> {
    const authorities = await this.read();
    const newest = authorities.at(-1);
    if (newest === undefined)
      throw new AuthorityError(
        'refused',
        'there is no certificate authority yet; make one: tidegate ca init',
      );
    if (signingAuthority(authorities, nowMs) !== newest) {
      const at = new Date(newest.signsFromMs).toISOString();
      throw taken(`authority ${newest.number} is about to take over at ${at}; rotate after it`);
    }
    const { trustDomain, svidLifeMs } = newest;
    const signsFromMs = successorSignsFromMs(nowMs, svidLifeMs);
    const times = {
      number: newest.number + 1,
      createdAtMs: nowMs,
      signsFromMs,
      svidLifeMs,
      trustDomain,
    };
    return this.#add(times, given);
  }

  async revocations(): Promise<readonly Revocation[]> {
    const folder = join(this.#path, files.revoked);
    const names = (await namesIn(folder)).filter((name) => name.endsWith('.json'));
    const texts = await Promise.all(
      names.slice(0, denyListMax).map((name) => readFile(join(folder, name), 'utf8')),
    );
    return texts.map((text, index) => {
      const revocation = parseRevocation(text);
      if (revocation !== null) return revocation;
      throw new AuthorityError(
        'unreadable',
        `cannot read ${join(folder, names[index] ?? '')}: it is no revocation`,
      );
    });
  }

  /** Those whose certificates can still be valid. */
  async denyList(nowMs: number): Promise<DenyList> {
    const current = (await this.revocations()).filter(({ untilMs }) => nowMs < untilMs);
    return {
      serials: current.flatMap((each) => (each.kind === 'serial' ? [each.serial] : [])),
      identities: current.flatMap((each) => {
        return each.kind === 'identity'
          ? [{ id: each.id, notBeforeUntilMs: each.notBeforeUntilMs }]
          : [];
      }),
    };
  }

  /** All certificates that were made for `what`: a serial, or an identifier up to now. */
  async revoke(
    what:
      | { readonly kind: 'serial'; readonly serial: string }
      | { readonly kind: 'identity'; readonly id: string },
    { reason, nowMs }: { readonly reason: string; readonly nowMs: number },
  ): Promise<Revocation> {
    const authorities = await this.read();
    const lifeMs = Math.max(...authorities.map(({ svidLifeMs }) => svidLifeMs), 0);
    const same = { reason, atMs: nowMs, untilMs: nowMs + lifeMs + 60_000 };
    const revocation: Revocation =
      what.kind === 'serial'
        ? { ...same, kind: 'serial', serial: normalSerial(what.serial) }
        : { ...same, kind: 'identity', id: what.id, notBeforeUntilMs: nowMs - backdateMs(lifeMs) };
    const key = what.kind === 'serial' ? normalSerial(what.serial) : `${what.id} ${nowMs}`;
    const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
    const folder = join(this.#path, files.revoked);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${name}.json`);
    await writePrivately(`${file}.tmp`, `${JSON.stringify({ format: 1, ...revocation })}\n`);
    await rename(`${file}.tmp`, file);
    return revocation;
  }

  async #readOne(name: string): Promise<Authority> {
    const folder = join(this.#path, name);
    const text = async (file: string): Promise<string> => {
      const path = join(folder, file);
      return readFile(path, 'utf8').catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
    };
    const note = parseNote(await text(files.note));
    if (note === null || nameOf(note.number) !== name) {
      throw new AuthorityError(
        'unreadable',
        `cannot read ${join(folder, files.note)}: it is not what Tidegate writes`,
      );
    }
    const hasKey = await isThere(join(folder, files.key));
    return {
      ...note,
      chainPem: await text(files.chain),
      rootsPem: await text(files.roots),
      hasKey,
    };
  }

  async #add(
    times: Omit<AuthorityNote, 'format' | 'origin' | 'notAfterMs'>,
    given: GivenAuthority | null,
  ): Promise<Authority> {
    const parts = given ?? (await ownAuthority(times));
    const checked = checkGiven(parts, times.createdAtMs);
    if (checked.kind === 'unfit')
      throw new AuthorityError('refused', `the files ${checked.reason}`);
    const { notAfterMs } = checked;
    const origin = given === null ? 'own' : 'given';
    const note: AuthorityNote = { format: 1, ...times, notAfterMs, origin };
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    const folder = await mkdtemp(join(this.#path, '.new-'));
    try {
      const keyPem = checked.key.export({ type: 'pkcs8', format: 'pem' }).toString();
      await writePrivately(join(folder, files.key), keyPem);
      await writePrivately(join(folder, files.chain), parts.chainPem);
      await writePrivately(join(folder, files.roots), parts.rootsPem);
      await writePrivately(join(folder, files.note), `${JSON.stringify(note, null, 2)}\n`);
      // Onto a folder that is there already, and not empty, it fails (rename(2)).
      await rename(folder, join(this.#path, nameOf(times.number)));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'ENOTEMPTY' || code === 'EEXIST')
        throw taken(`somebody else has just made authority ${times.number}`);
      throw error;
    }
    return { ...note, chainPem: parts.chainPem, rootsPem: parts.rootsPem, hasKey: true };
  }
}

const files = {
  note: 'authority.json',
  chain: 'chain.pem',
  roots: 'roots.pem',
  key: 'key.pem',
  revoked: 'revoked',
} as const;

function nameOf(number: number): string {
  return `authority-${number}`;
}

async function ownAuthority({
  number,
  trustDomain,
  createdAtMs,
}: Pick<AuthorityNote, 'number' | 'trustDomain' | 'createdAtMs'>): Promise<GivenAuthority> {
  const seconds = Math.floor(createdAtMs / 1000) * 1000;
  const validity = { notBeforeMs: seconds - 60_000, notAfterMs: seconds + ownLifeMs };
  const { certificatePem, keyPem } = await makeAuthority(trustDomainIdOf(trustDomain), {
    number,
    validity,
  });
  return { chainPem: certificatePem, keyPem, rootsPem: certificatePem };
}

async function writePrivately(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  await writeFile(file, text);
  await file.sync();
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unreadable(path, cause);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unreadable(folder, cause);
  }
}

function unreadable(path: string, cause: unknown): AuthorityError {
  const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new AuthorityError('unreadable', `cannot read ${path}: ${why}`, cause);
}

function taken(message: string): AuthorityError {
  return new AuthorityError('conflict', message);
}
