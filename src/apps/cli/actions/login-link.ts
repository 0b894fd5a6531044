import type { LoginLinkCreateInput } from '../../../api/client/generated/schemas.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, say, type Session } from '../session.ts';

export interface LoginLinkOptions {
  readonly role: LoginLinkCreateInput['role'];
  readonly service?: readonly string[];
  readonly reason?: string;
  readonly output?: DataFormat;
}

/** The link alone goes to standard output: it is a secret for some minutes. */
export async function loginLink(
  session: Session,
  person: string | undefined,
  options: LoginLinkOptions,
): Promise<ExitCode> {
  const made = await makeLoginLink(session, {
    person: person ?? ownName(session),
    role: options.role,
    services: [...(options.service ?? ['*/*'])],
    why: options.reason ?? null,
  });
  if (options.output !== undefined) {
    await printData(session, made, options.output);
    return exitCodes.ok;
  }
  const whose = harmless(person ?? ownName(session));
  say(session, `Signs ${whose} in as ${options.role}, once, until ${made.expiresAt}:`);
  print(session, [made.url]);
  return exitCodes.ok;
}

export async function makeLoginLink(
  session: Session,
  wish: Omit<LoginLinkCreateInput, 'who'>,
): Promise<{ readonly url: string; readonly expiresAt: string }> {
  using client = await Client.connect(session);
  const body = { ...wish, who: session.who };
  return await client.post('/v1/login-links', { body, signal: session.signal });
}

/** Who is logged in on this machine, if that can be a person's name at the API. */
export function ownName({ who }: Pick<Session, 'who'>): string {
  return /^[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?$/.test(who) ? who : 'owner';
}
