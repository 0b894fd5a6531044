import { rolloutReplaySchema } from '../../../api/wire.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, type Session } from '../session.ts';
import { replayLines } from '../views/replay-lines.ts';

export async function replay(
  session: Session,
  rolloutId: string,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const path = `/v1/rollouts/${encodeURIComponent(rolloutId)}/replay`;
  const found = await client.get(path, rolloutReplaySchema, session.signal);
  if (options.output === undefined) print(session, replayLines(found, session.look));
  else await printData(session, found, options.output);
  return found.isSame ? exitCodes.ok : exitCodes.error;
}
