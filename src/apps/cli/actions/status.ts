import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { poll } from '../poll.ts';
import { Painter } from '../repaint.ts';
import { changeKey } from '../rollout-progress.ts';
import { print, type Session } from '../session.ts';
import { type StatusPicture, statusTree } from '../views/status-tree.ts';

const intervalMs = 500;

export interface StatusOptions {
  readonly watch?: boolean;
  readonly output?: DataFormat;
}

export async function status(session: Session, options: StatusOptions): Promise<ExitCode> {
  if (options.watch === true) {
    await (session.look.isInteractive ? paintTree(session) : printChanges(session));
    return exitCodes.ok;
  }
  using client = await Client.connect(session);
  const picture = await ask(client, session.signal);
  if (options.output === undefined) print(session, statusTree(picture, session.look));
  else await printData(session, picture, options.output);
  return exitCodes.ok;
}

async function paintTree(session: Session): Promise<void> {
  const painter = new Painter(session.stdout, session.look);
  const { signal } = session;
  const onTold = () => painter.leave();
  for await (const picture of poll(session, ask, { intervalMs, signal, onTold })) {
    painter.show(statusTree(picture, session.look));
  }
}

/** One line for each service that changed since the last look. */
async function printChanges(session: Session): Promise<void> {
  const known = new Map<string, string>();
  const { signal } = session;
  for await (const { services } of poll(session, ask, { intervalMs, signal })) {
    for (const service of services) {
      const { name } = service.metadata;
      const key = changeKey(service.status);
      if (known.get(name) === key) continue;
      known.set(name, key);
      print(session, [`${name}: ${service.status.phase}: ${service.status.sentence}`]);
    }
    const names = new Set(services.map((service) => service.metadata.name));
    for (const name of known.keys()) {
      if (names.has(name)) continue;
      known.delete(name);
      print(session, [`${name}: deleted`]);
    }
  }
}

async function ask(client: Client, signal: AbortSignal): Promise<StatusPicture> {
  const [server, { items }] = await Promise.all([
    client.get('/v1/status', { signal }),
    client.get('/v1/services', { signal }),
  ]);
  return { server, url: client.url, services: items };
}
