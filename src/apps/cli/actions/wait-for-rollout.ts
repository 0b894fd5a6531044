import type { Service } from '../../../api/client/generated/schemas.ts';
import type { Client } from '../client.ts';
import { startDeadline } from '../deadline.ts';
import type { ExitCode } from '../exit-codes.ts';
import { poll, type PollOptions } from '../poll.ts';
import { type Progress, progressOf } from '../rollout-progress.ts';
import { Painter } from '../repaint.ts';
import { print, type Session } from '../session.ts';
import { serviceTree } from '../views/status-tree.ts';

const intervalMs = 250;
/** While nothing but counts changes, a line this often shows that it goes on. */
const quietMs = 10_000;

export interface Wait {
  readonly service: string;
  /** Null: the newest. */
  readonly rolloutId: string | null;
  readonly timeoutMs: number | null;
  /** Several are waited for at once: lines only, since only one may paint. */
  readonly isPlain: boolean;
}

/** Until the rollout is over or a person has to act. */
export async function waitForRollout(session: Session, wait: Wait): Promise<ExitCode> {
  using deadline = startDeadline(session.signal, wait.timeoutMs);
  try {
    const isPainted = session.look.isInteractive && !wait.isPlain;
    return isPainted
      ? await paintUntilOver(session, wait, deadline.signal)
      : await printUntilOver(session, wait, deadline.signal);
  } catch (error) {
    deadline.check(`cannot see the end of the rollout of ${wait.service}`);
    throw error;
  }
}

interface Sight {
  readonly service: Service;
  readonly progress: Progress;
}

async function paintUntilOver(
  session: Session,
  wait: Wait,
  signal: AbortSignal,
): Promise<ExitCode> {
  const painter = new Painter(session.stdout, session.look);
  const options = { intervalMs, signal, onTold: () => painter.leave() };
  for await (const { service, progress } of sights(session, wait, options)) {
    painter.show(serviceTree(service, session.look));
    if (progress.kind === 'over') return progress.exitCode;
  }
  throw new Error('a poll has no end');
}

async function printUntilOver(
  session: Session,
  wait: Wait,
  signal: AbortSignal,
): Promise<ExitCode> {
  let key: string | null = null;
  let printedAtMs = -Infinity;
  for await (const { progress } of sights(session, wait, { intervalMs, signal })) {
    const isOver = progress.kind === 'over';
    const nowMs = performance.now();
    if (isOver || progress.key !== key || nowMs - printedAtMs >= quietMs) {
      print(session, [`${wait.service}: ${progress.sentence}`]);
      printedAtMs = nowMs;
    }
    if (isOver) return progress.exitCode;
    ({ key } = progress);
  }
  throw new Error('a poll has no end');
}

function sights(session: Session, wait: Wait, options: PollOptions): AsyncGenerator<Sight> {
  return poll(session, (client, signal) => look(client, wait, signal), options);
}

export async function look(
  client: Client,
  wait: Pick<Wait, 'service' | 'rolloutId'>,
  signal: AbortSignal,
): Promise<Sight> {
  const path = { name: wait.service };
  const service = await client.get('/v1/services/{name}', { path, signal });
  const progress = progressOf(service, wait.rolloutId, null);
  if (progress !== null) return { service, progress };
  const history = await client.get('/v1/services/{name}/rollouts', { path, signal });
  const known = progressOf(service, wait.rolloutId, history.items);
  if (known === null) throw new Error('with a history the progress is known');
  return { service, progress: known };
}
