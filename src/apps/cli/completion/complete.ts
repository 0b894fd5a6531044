import type { Command } from 'commander';

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, type Session } from '../session.ts';
import { type Candidate, placeOf } from './candidates.ts';

/** A person waits with the finger on the key. */
const serverTimeoutMs = 800;

/** One candidate per line, `value<TAB>description`; `:file` alone asks the shell to complete file names. */
export async function complete(
  session: Session,
  program: Command,
  words: readonly string[],
): Promise<ExitCode> {
  const place = placeOf(program, words);
  if (place.kind === 'file') {
    print(session, [':file']);
    return exitCodes.ok;
  }
  const candidates = place.kind === 'service' ? await serviceCandidates(session) : place.candidates;
  const word = words.at(-1) ?? '';
  const fitting = candidates.filter(({ value }) => value.startsWith(word));
  print(
    session,
    fitting.map(({ value, description }) => `${value}\t${description}`),
  );
  return exitCodes.ok;
}

async function serviceCandidates(session: Session): Promise<Candidate[]> {
  try {
    const { Client } = await import('../client.ts');
    using client = await Client.connect(session);
    const signal = AbortSignal.any([session.signal, AbortSignal.timeout(serverTimeoutMs)]);
    const { items } = await client.get('/v1/services', { signal });
    return items.map(({ metadata, status }) => ({
      value: metadata.name,
      description: status.phase,
    }));
  } catch {
    // Without a server there are no names; a message in the middle of a command line helps nobody.
    return [];
  }
}
