import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

import { type Grant, readGrant } from '../../../domain/identity/grant.ts';

/** How people are known at a provider, and what its groups may here. */
export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  readonly nameClaim: string;
  readonly groupsClaim: string;
  readonly roles: readonly { readonly group: string; readonly grant: Grant }[];
}

/** The file cannot be taken: each line is `FILE:LINE:COLUMN: what is wrong`. */
export class OidcSettingsError extends Error {
  override readonly name = 'OidcSettingsError';
}

const sizeBytesMax = 64 * 1024;
const word = z.string().min(1).max(200);

const fileSchema = z.strictObject({
  issuer: z.string().max(500).refine(isIssuer, {
    message: 'must be an https URL without query (http only on this machine)',
  }),
  clientId: word,
  clientSecretFile: z.string().min(1).max(1_000).optional(),
  scopes: z.array(word).max(20).default(['openid', 'profile', 'groups']),
  nameClaim: word.default('preferred_username'),
  groupsClaim: word.default('groups'),
  roles: z
    .array(
      z
        .strictObject({ group: word, role: word, services: z.array(word).default(['*/*']) })
        .transform(({ group, role, services }, context) => {
          const grant = readGrant({ role, scopes: services }, 'a role');
          if (typeof grant !== 'string') return { group, grant };
          context.addIssue({ code: 'custom', message: grant });
          return z.NEVER;
        }),
    )
    .min(1)
    .max(500),
});

export async function readOidcSettings(path: string): Promise<OidcSettings> {
  const text = await boundedText(path);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true });
  const placeOf = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const [fault] = document.errors;
  if (fault !== undefined) {
    const what = fault.message.split('\n')[0] ?? '';
    throw new OidcSettingsError(`${placeOf(fault.pos[0])}: ${what}`);
  }
  const read = fileSchema.safeParse(document.toJS());
  if (!read.success) {
    const lines = read.error.issues.map((issue) => {
      return `${placeOf(offsetOf(document, issue.path))}: ${issue.path.join('.')}: ${issue.message}`;
    });
    throw new OidcSettingsError(lines.join('\n'));
  }
  const { clientSecretFile, scopes, ...settings } = read.data;
  const secretPath =
    clientSecretFile === undefined ? null : resolve(dirname(path), clientSecretFile);
  const clientSecret = secretPath === null ? null : await readSecret(secretPath);
  // Without it there is no ID token (OpenID Connect Core 3.1.2.1).
  return { ...settings, clientSecret, scopes: [...new Set(['openid', ...scopes])] };
}

/** Of the value, or of the nearest one around it. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly PropertyKey[],
): number {
  for (let length = path.length; length > 0; length--) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)) {
      return Number(node.range[0]);
    }
  }
  return 0;
}

async function boundedText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > sizeBytesMax) throw new OidcSettingsError(`${path}: over ${sizeBytesMax} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof OidcSettingsError) throw error;
    throw new OidcSettingsError(`cannot read ${path}: ${codeOf(error)}; see --oidc`);
  }
}

async function readSecret(path: string): Promise<string> {
  try {
    const { mode, size } = await stat(path);
    const isOpen = (mode & 0o077) !== 0;
    if (isOpen) throw new OidcSettingsError(`others can read ${path}: run chmod 600 ${path}`);
    if (size > 1024) throw new OidcSettingsError(`${path} is no client secret: over 1,024 bytes`);
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret !== '') return secret;
  } catch (error) {
    if (error instanceof OidcSettingsError) throw error;
    throw new OidcSettingsError(`cannot read ${path} (clientSecretFile): ${codeOf(error)}`);
  }
  throw new OidcSettingsError(`${path} (clientSecretFile) is empty`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash, username, password } = new URL(text);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isLocal);
  return isSafe && search === '' && hash === '' && username === '' && password === '';
}
