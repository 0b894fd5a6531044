import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { AuthorityError } from '../../../adapters/authority/authority-error.ts';
import { AuthorityFolder, usualSvidLifeMs } from '../../../adapters/authority/authority-folder.ts';
import type { Authority, GivenAuthority } from '../../../adapters/authority/authority-record.ts';
import { currentName, svidFiles } from '../../../adapters/authority/svid-folder.ts';
import { bundleOf } from '../../../adapters/authority/trust-state.ts';
import {
  signingAuthority,
  trustedAuthorities,
  trustEndsMs,
} from '../../../domain/identity/authority-schedule.ts';
import { normalSerial } from '../../../domain/identity/deny-list.ts';
import { parseSpiffeId } from '../../../domain/identity/spiffe-id.ts';
import { CliError } from '../cli-error.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';

export interface CaOptions {
  readonly output?: DataFormat;
}

export interface RotateOptions extends CaOptions {
  readonly certificate?: string;
  readonly key?: string;
  readonly root?: string;
}

export interface InitOptions extends RotateOptions {
  readonly trustDomain: string;
  /** Milliseconds. */
  readonly life?: number;
}

export interface RevokeOptions extends CaOptions {
  readonly reason: string;
}

const reasonLengthMax = 500;

export async function caInit(session: Session, options: InitOptions): Promise<ExitCode> {
  const given = await givenOf(session, options);
  const { trustDomain, life: svidLifeMs = usualSvidLifeMs } = options;
  const wish = { trustDomain, svidLifeMs, given, nowMs: Date.now() };
  const made = await within(() => folderOf(session).init(wish));
  return tell(session, options, made, `made authority ${made.number} for ${made.trustDomain}`);
}

export async function caRotate(session: Session, options: RotateOptions): Promise<ExitCode> {
  const given = await givenOf(session, options);
  const made = await within(() => folderOf(session).rotate(given, Date.now()));
  const when = timeText(made.signsFromMs);
  return tell(
    session,
    options,
    made,
    `authority ${made.number} is trusted now and signs from ${when} on`,
  );
}

export async function caShow(session: Session, options: CaOptions): Promise<ExitCode> {
  const nowMs = Date.now();
  const authorities = await within(() => folderOf(session).read());
  const shown = {
    trustDomain: authorities.at(-1)?.trustDomain ?? null,
    authorities: authorities.map((each) => authorityView(each, authorities, nowMs)),
    certificates: await certificatesOf(session.stateFolder),
    revocations: await within(() => folderOf(session).revocations()),
  };
  if (options.output !== undefined) {
    await printData(session, shown, options.output);
    return exitCodes.ok;
  }
  if (authorities.length === 0) {
    say(
      session,
      'There is no authority yet. One is made when a service wants identities, or by: tidegate ca init',
    );
    return exitCodes.ok;
  }
  const rows = shown.authorities.map((each) => [
    String(each.number),
    each.state,
    each.origin,
    each.signsFrom,
    each.trustedUntil,
  ]);
  const heads = ['AUTHORITY', 'STATE', 'ORIGIN', 'SIGNS FROM', 'TRUSTED UNTIL'];
  const held = shown.certificates.map(({ id, serial, notAfter }) => [id, serial, notAfter]);
  print(session, [
    `trust domain ${shown.trustDomain}`,
    ...tableLines({ heads, rows }, false),
    ...(held.length === 0
      ? []
      : ['', ...tableLines({ heads: ['IDENTITY', 'SERIAL', 'ENDS'], rows: held }, false)]),
    ...(shown.revocations.length === 0
      ? []
      : ['', `${shown.revocations.length} revocations; -o json has them`]),
  ]);
  return exitCodes.ok;
}

export async function caTrust(session: Session): Promise<ExitCode> {
  const authorities = await within(() => folderOf(session).read());
  if (authorities.length === 0) throw noAuthority();
  print(session, [bundleOf(trustedAuthorities(authorities, Date.now())).trimEnd()]);
  return exitCodes.ok;
}

export async function caRevoke(
  session: Session,
  what: string,
  options: RevokeOptions,
): Promise<ExitCode> {
  if ((await within(() => folderOf(session).read())).length === 0) throw noAuthority();
  const { reason } = options;
  if (reason === '' || reason.length > reasonLengthMax) {
    throw new CliError(`the reason must have 1-${reasonLengthMax} characters`, { code: 'usage' });
  }
  const revocation = await within(() =>
    folderOf(session).revoke(revokedOf(what), { reason, nowMs: Date.now() }),
  );
  if (options.output !== undefined) await printData(session, revocation, options.output);
  else print(session, [`revoked ${what}; gateways refuse it within a second`]);
  return exitCodes.ok;
}

function revokedOf(what: string): Parameters<AuthorityFolder['revoke']>[0] {
  const parsed = parseSpiffeId(what);
  if (parsed.kind === 'id') return { kind: 'identity', id: parsed.id.text };
  const serial = normalSerial(what);
  if (serial !== '') return { kind: 'serial', serial };
  throw new CliError(
    `cannot revoke "${what}": it is neither a serial in hex nor a SPIFFE identifier`,
    {
      code: 'usage',
      remedy: 'see what there is: tidegate ca show',
    },
  );
}

function authorityView(each: Authority, all: readonly Authority[], nowMs: number) {
  const next = all.find(({ number }) => number === each.number + 1);
  const isSigning = signingAuthority(all, nowMs) === each;
  const isTrusted = trustedAuthorities(all, nowMs).includes(each);
  const isToCome = each.signsFromMs > nowMs;
  return {
    number: each.number,
    state: isSigning ? 'signs' : isToCome ? 'to come' : isTrusted ? 'trusted' : 'ended',
    origin: each.origin,
    createdAt: timeText(each.createdAtMs),
    signsFrom: timeText(each.signsFromMs),
    trustedUntil: timeText(next === undefined ? each.notAfterMs : trustEndsMs(each, next)),
    svidLifeMs: each.svidLifeMs,
  };
}

/** The public part of what is in force under `identity/`. */
async function certificatesOf(stateFolder: string) {
  const root = join(stateFolder, 'identity');
  const instances = await readdir(join(root, 'instances')).catch(() => []);
  const folders = ['gateway', 'server', ...instances.map((id) => join('instances', id))];
  const found = await Promise.all(
    folders.map(async (name) => {
      const path = join(root, name, currentName, svidFiles.certificate);
      const pem = await readFile(path, 'utf8').catch(() => null);
      if (pem === null) return [];
      const { subjectAltName = '', serialNumber, validTo } = new X509Certificate(pem);
      const id = /URI:([^,]+)/.exec(subjectAltName)?.[1] ?? '';
      const notAfter = timeText(Date.parse(validTo));
      return [{ id, serial: normalSerial(serialNumber), notAfter, holder: name }];
    }),
  );
  return found.flat();
}

/** Null: nothing was given. */
async function givenOf(session: Session, options: RotateOptions): Promise<GivenAuthority | null> {
  const { certificate, key, root } = options;
  if (certificate === undefined && key === undefined && root === undefined) return null;
  if (certificate === undefined || key === undefined || root === undefined) {
    throw new CliError('an authority by files needs all of --certificate, --key and --root', {
      code: 'usage',
    });
  }
  const read = async (file: string): Promise<string> => {
    const path = resolve(session.workingFolder, file);
    return readFile(path, 'utf8').catch((cause: unknown) => {
      throw new CliError(`cannot read ${path}: ${String((cause as NodeJS.ErrnoException).code)}`, {
        code: 'unreadable',
        cause,
      });
    });
  };
  const keyPem = await read(key);
  const { mode } = await stat(resolve(session.workingFolder, key));
  if ((mode & 0o077) !== 0) {
    throw new CliError(`cannot use ${key}: others can read it`, {
      code: 'refused',
      remedy: `chmod 600 ${key}`,
    });
  }
  return { chainPem: await read(certificate), keyPem, rootsPem: await read(root) };
}

async function tell(
  session: Session,
  options: CaOptions,
  made: Authority,
  said: string,
): Promise<ExitCode> {
  if (options.output === undefined) print(session, [said]);
  else await printData(session, authorityView(made, [made], Date.now()), options.output);
  return exitCodes.ok;
}

async function within<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof AuthorityError)) throw cause;
    const code = cause.code === 'unreadable' ? 'unreadable' : 'refused';
    throw new CliError(cause.message, { code, cause });
  }
}

function noAuthority(): CliError {
  return new CliError('there is no certificate authority yet', {
    code: 'refused',
    remedy: 'make one: tidegate ca init',
  });
}

function folderOf({ stateFolder }: Session): AuthorityFolder {
  return new AuthorityFolder(join(stateFolder, 'ca'));
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString();
}
