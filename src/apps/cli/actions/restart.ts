import type { Restart } from '../../../api/client/generated/schemas.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { startDeadline } from '../deadline.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { poll } from '../poll.ts';
import { print, type Session } from '../session.ts';

export interface RestartOptions {
  /** False with `--no-wait`. */
  readonly wait: boolean;
  readonly timeout?: number;
  readonly reason?: string;
  readonly output?: DataFormat;
}

const intervalMs = 250;

/** Begins a restart and follows it to its end. With `--output` only the newest view of it is printed, at the end. */
export async function restart(
  session: Session,
  service: string,
  options: RestartOptions,
): Promise<ExitCode> {
  const { output } = options;
  const sentence = await begin(session, service, options.reason ?? null);
  if (output === undefined) print(session, [`service/${service}: ${harmless(sentence)}`]);
  const seen = await follow(session, service, options);
  if (output !== undefined) await printData(session, seen, output);
  return seen.phase === 'given-up' ? exitCodes.error : exitCodes.ok;
}

async function begin(session: Session, service: string, why: string | null): Promise<string> {
  using client = await Client.connect(session);
  const path = { name: service };
  const body = { action: 'restart' as const, who: session.who, why };
  return (await client.post('/v1/services/{name}/actions', { path, body, signal: session.signal }))
    .sentence;
}

async function follow(
  session: Session,
  service: string,
  options: RestartOptions,
): Promise<Restart> {
  using deadline = startDeadline(session.signal, options.timeout ?? null);
  let key: string | null = null;
  try {
    const ask = (client: Client, signal: AbortSignal) => look(client, service, signal);
    for await (const view of poll(session, ask, { intervalMs, signal: deadline.signal })) {
      const now = `${view.phase} ${view.doneCount}`;
      if (options.output === undefined && now !== key)
        print(session, [`${service}: ${harmless(view.sentence)}`]);
      key = now;
      if (view.phase !== 'running' || !options.wait) return view;
    }
  } catch (error) {
    deadline.check(`cannot see the end of the restart of ${service}`);
    throw error;
  }
  throw new Error('a poll has no end');
}

async function look(client: Client, service: string, signal: AbortSignal): Promise<Restart> {
  const path = { name: service };
  const { restart: view } = (await client.get('/v1/services/{name}', { path, signal })).status;
  if (view === undefined) throw new Error(`the server shows no restart of ${service}`);
  return view;
}
