import type { ActionInput } from '../../../api/client/generated/schemas.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';
import { ageText, countText } from '../views/words.ts';
import { look, waitForRollout } from './wait-for-rollout.ts';

export interface Operation {
  readonly action: ActionInput['action'];
  readonly reason?: string | undefined;
  readonly toRevision?: string | undefined;
  readonly override?: boolean | undefined;
}

export async function operate(
  session: Session,
  service: string,
  operation: Operation,
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const body = {
    action: operation.action,
    toRevision: operation.toRevision ?? null,
    who: session.who,
    why: operation.reason ?? null,
    ...(operation.override === true && { override: true }),
  };
  const path = { name: service };
  const { outcome, sentence } = await client.post('/v1/services/{name}/actions', {
    path,
    body,
    signal: session.signal,
  });
  print(session, [`service/${service}: ${harmless(sentence)}`]);
  return outcome === 'done' ? exitCodes.ok : exitCodes.error;
}

export interface RolloutStatusOptions {
  /** False with `--no-watch`: say how it stands and go. */
  readonly watch: boolean;
  readonly timeout?: number;
}

export async function rolloutStatus(
  session: Session,
  service: string,
  options: RolloutStatusOptions,
): Promise<ExitCode> {
  if (options.watch) {
    const timeoutMs = options.timeout ?? null;
    return waitForRollout(session, { service, rolloutId: null, timeoutMs, isPlain: false });
  }
  using client = await Client.connect(session);
  const { progress } = await look(client, { service, rolloutId: null }, session.signal);
  print(session, [`${service}: ${progress.sentence}`]);
  return progress.kind === 'over' ? progress.exitCode : exitCodes.ok;
}

export async function rolloutHistory(
  session: Session,
  service: string,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const path = { name: service };
  const { items } = await client.get('/v1/services/{name}/rollouts', {
    path,
    signal: session.signal,
  });
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  const heads = ['ROLLOUT', 'KIND', 'TO', 'VERSION', 'OUTCOME', 'REQUESTS', 'AGE', 'BY', 'WHY'];
  const rows = items.map((item) => [
    item.id,
    item.kind,
    item.toRevisionId,
    item.toVersion ?? '-',
    item.outcome,
    countText(item.totals.candidate.requests),
    ageText(item.endedAt, Date.now()),
    item.startedBy.who,
    harmless(item.cause?.sentence ?? item.startedBy.why ?? '-'),
  ]);
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

export async function describe(
  session: Session,
  service: string,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  const { serviceDescription } = await import('../views/service-description.ts');
  using client = await Client.connect(session);
  const path = { name: service };
  const view = await client.get('/v1/services/{name}', { path, signal: session.signal });
  if (options.output === undefined) print(session, serviceDescription(view, session.look));
  else await printData(session, view, options.output);
  return exitCodes.ok;
}
