import type { RolloutReplay } from '../../../api/client/generated/schemas.ts';
import { replayRollout, serviceOfRollout } from '../../../control/replay/replay.ts';
import { replaySummary } from '../../../control/replay/replay-summary.ts';
import { streamOfService } from '../../../control/recording/recovery.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type LedgerSource, openLedger } from '../ledger/ledger-source.ts';
import { print, type Session } from '../session.ts';
import { replayLines } from '../views/replay-lines.ts';

export interface ReplayOptions {
  readonly ledger?: string;
  readonly key?: string;
  readonly output?: DataFormat;
  /** Of this program. */
  readonly version: string;
}

export async function replay(
  session: Session,
  rolloutId: string,
  options: ReplayOptions,
): Promise<ExitCode> {
  const found =
    options.ledger === undefined
      ? await askServer(session, rolloutId)
      : await replayFile(session, rolloutId, options);
  if (options.output === undefined) print(session, replayLines(found, session.look));
  else await printData(session, found, options.output);
  return found.isSame ? exitCodes.ok : exitCodes.error;
}

async function askServer(session: Session, rolloutId: string): Promise<RolloutReplay> {
  using client = await Client.connect(session);
  return await client.get('/v1/rollouts/{id}/replay', {
    path: { id: rolloutId },
    signal: session.signal,
  });
}

/** What the server does, here: the file is verified first, and what it was decided from by its digests. */
async function replayFile(
  session: Session,
  rolloutId: string,
  options: ReplayOptions,
): Promise<RolloutReplay> {
  await using ledger = await openLedger(session, options);
  const entries = ofStream(ledger, streamOfService(serviceOfRollout(rolloutId)));
  const found = await replayRollout(rolloutId, entries, ledger.readBlob);
  if (found !== null) return replaySummary(found, options.version);
  throw new CliError(`the ledger has no rollout "${rolloutId}"`, {
    code: 'usage',
    remedy: `list what there is: tidegate report --ledger ${options.ledger}`,
  });
}

async function* ofStream(
  ledger: LedgerSource,
  stream: string,
): ReturnType<LedgerSource['entries']> {
  for await (const entry of ledger.entries()) if (entry.stream === stream) yield entry;
}
