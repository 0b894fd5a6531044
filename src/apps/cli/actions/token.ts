import type { TokenCreateInput } from '../../../api/client/generated/schemas.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';

export interface TokenCreateOptions {
  readonly role: TokenCreateInput['role'];
  readonly service?: readonly string[];
  /** How long it lasts. */
  readonly expires: number;
  readonly reason?: string;
  readonly output?: DataFormat;
}

/** The secret alone goes to standard output, so that it can be sent into a file. */
export async function createToken(
  session: Session,
  person: string,
  options: TokenCreateOptions,
): Promise<ExitCode> {
  const body: TokenCreateInput = {
    person,
    role: options.role,
    services: [...(options.service ?? ['*/*'])],
    lastsMs: options.expires,
    who: session.who,
    why: options.reason ?? null,
  };
  using client = await Client.connect(session);
  const made = await client.post('/v1/tokens', { body, signal: session.signal });
  if (options.output !== undefined) {
    await printData(session, made, options.output);
    return exitCodes.ok;
  }
  say(
    session,
    `${harmless(made.sentence)} until ${made.token.expiresAt} (entry ${made.entryIndex})`,
  );
  say(session, 'Its secret, which is shown this once:');
  print(session, [made.secret]);
  return exitCodes.ok;
}

export async function listTokens(
  session: Session,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const { items } = await client.get('/v1/tokens', { signal: session.signal });
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    print(session, ['no token is in force']);
    return exitCodes.ok;
  }
  const heads = ['TOKEN', 'PERSON', 'ROLE', 'SERVICES', 'UNTIL', 'BY'];
  const rows = items.map(({ id, person, role, services, expiresAt, createdBy }) => [
    id,
    harmless(person),
    role,
    harmless(services.join(',')),
    expiresAt,
    harmless(createdBy.who),
  ]);
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

export async function revokeToken(
  session: Session,
  id: string,
  options: { readonly reason?: string; readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const body = { who: session.who, why: options.reason ?? null };
  const said = await client.post('/v1/tokens/{id}/revoke', {
    path: { id },
    body,
    signal: session.signal,
  });
  if (options.output !== undefined) await printData(session, said, options.output);
  else print(session, [`${harmless(said.sentence)} (entry ${said.entryIndex})`]);
  return exitCodes.ok;
}
