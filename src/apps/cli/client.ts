import { Agent } from 'node:http';

import { ApiClient } from '../../api/client/api-client.ts';
import type { ApiError } from '../../api/client/api-error.ts';
import { CliError } from './cli-error.ts';
import type { Session } from './session.ts';
import { namedServer } from './named-server.ts';
import { nodeTransport } from './node-transport.ts';
import { readServerFile, readToken } from './state-folder.ts';
import { problemLines } from './views/problem-lines.ts';

/** Speaks with the server of the session's state folder. Found anew when it is connected, so a restarted server is found. */
export class Client extends ApiClient implements Disposable {
  readonly url: string;
  readonly #agent: Agent;

  static async connect(session: Session): Promise<Client> {
    const place = await namedServer(session.env);
    if (place !== null) return new Client(session, place.url, place.token);
    const server = await readServerFile(session.stateFolder);
    if (server === null) {
      throw new CliError(`no server runs for ${session.stateFolder}`, {
        code: 'no-server',
        remedy: 'start it: tidegate up (or name its folder with --state)',
      });
    }
    return new Client(session, server.url, await readToken(session.stateFolder));
  }

  private constructor(session: Session, url: string, token: string) {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    super({
      url,
      token,
      transport: nodeTransport(agent),
      explain: (error) => told(error, session, url),
    });
    this.url = url;
    this.#agent = agent;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** The failure as a person at the command line can use it. */
function told(error: ApiError, session: Session, url: string): CliError {
  switch (error.code) {
    case 'refused':
      return refusal(error, session);
    case 'timeout':
    case 'unreachable':
      return away(error, session, url);
    case 'unexpected-answer':
      return new CliError(`${error.message} (${url})`, {
        code: 'unexpected-answer',
        remedy: 'server and command line may be of different versions: tidegate version',
        cause: error,
      });
  }
}

function away(error: ApiError, { env, stateFolder }: Session, url: string): CliError {
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  const why = error.code === 'timeout' ? error.message : code;
  // Who listens and hangs up runs; most likely it can't take another connection.
  const remedy =
    why === 'ECONNRESET'
      ? `see what it logs in ${stateFolder}/server.log; it may be out of file descriptors, or be ending`
      : 'start it again: tidegate up';
  const whose = env['TIDEGATE_SERVER'] === undefined ? `of ${stateFolder} ` : '';
  const message = `the server ${whose}does not answer at ${url}: ${why}`;
  return new CliError(message, { code: 'server-away', remedy, cause: error });
}

function refusal(error: ApiError, session: Session): CliError {
  const { stateFolder, env } = session;
  if (error.problem === null) {
    return new CliError(error.message, {
      code: 'refused',
      remedy: `look at ${stateFolder}/server.log`,
    });
  }
  const lines = problemLines(error.problem.problems ?? [], {
    look: session.talkLook,
    workingFolder: session.workingFolder,
  });
  return new CliError(error.message, {
    code: 'refused',
    lines,
    ...(error.status === 401 && {
      remedy:
        env['TIDEGATE_SERVER'] === undefined
          ? `the token in ${stateFolder}/token is not this server's`
          : 'the token of TIDEGATE_TOKEN_FILE is over, revoked, or not of this server',
    }),
  });
}
