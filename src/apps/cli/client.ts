import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent, request as httpRequest } from 'node:http';
import type { z } from 'zod';

import { problemSchema } from '../../api/wire.ts';
import { CliError } from './cli-error.ts';
import type { Session } from './session.ts';
import { namedServer } from './named-server.ts';
import { readServerFile, readToken } from './state-folder.ts';
import { problemLines } from './views/problem-lines.ts';

/** An answer bigger than this is not one of our server's. */
const answerBytesMax = 64 * 1024 * 1024;
/** One line of a stream: an event, or a line a service logged. */
const lineCharactersMax = 4 * 1024 * 1024;
const requestTimeoutMs = 30_000;

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

/** Speaks with the server of the session's state folder. Found anew when it is connected, so a restarted server is found. */
export class Client implements Disposable {
  readonly url: string;
  readonly #token: string;
  readonly #session: Session;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

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
    this.url = url;
    this.#token = token;
    this.#session = session;
  }

  async get<T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return this.#parsed({ method: 'GET', path }, schema, signal);
  }

  async post<T>(
    path: string,
    body: unknown,
    answer: { readonly schema: z.ZodType<T>; readonly signal: AbortSignal },
  ): Promise<T> {
    return this.#parsed({ method: 'POST', path, body }, answer.schema, answer.signal);
  }

  /** For calls whose answer carries nothing. */
  async tell(path: string, body: unknown, signal: AbortSignal): Promise<void> {
    await this.#text({ method: 'POST', path, body }, signal);
  }

  /** Lines as they come, without end; runs until the server closes or `signal` aborts. */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const answer = await this.open(path, signal);
    let rest = '';
    try {
      for await (const chunk of answer) {
        const parts = (rest + String(chunk)).split('\n');
        rest = parts.pop() ?? '';
        if (rest.length > lineCharactersMax) throw tooLong(path);
        yield* parts;
      }
    } catch (error) {
      throw signal.aborted || error instanceof CliError ? error : this.#away(error);
    }
    if (rest !== '') yield rest;
  }

  /** The body of a good answer, unread. */
  async open(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const answer = await this.#send({ method: 'GET', path }, signal);
    if ((answer.statusCode ?? 0) >= 400) throw this.#refusal(answer, await textOf(answer));
    return answer.setEncoding('utf8');
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #parsed<T>(call: Call, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const text = await this.#text(call, signal);
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new CliError(`cannot read the answer to ${call.method} ${call.path} of ${this.url}`, {
        code: 'unexpected-answer',
        remedy: 'server and command line may be of different versions: tidegate version',
        cause,
      });
    }
  }

  async #text(call: Call, signal: AbortSignal): Promise<string> {
    const limit = AbortSignal.timeout(requestTimeoutMs);
    try {
      const answer = await this.#send(call, AbortSignal.any([signal, limit]));
      const text = await textOf(answer);
      if ((answer.statusCode ?? 0) >= 400) throw this.#refusal(answer, text);
      return text;
    } catch (error) {
      if (signal.aborted || error instanceof CliError) throw error;
      throw this.#away(limit.aborted ? new Error(`no answer in ${requestTimeoutMs} ms`) : error);
    }
  }

  #send(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const payload = call.body === undefined ? null : JSON.stringify(call.body);
    const options: RequestOptions = {
      method: call.method,
      agent: this.#agent,
      signal,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(payload !== null && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(new URL(call.path, this.url), options, resolve);
      sent.on('error', (error) => {
        reject(signal.aborted ? error : this.#away(error));
      });
      sent.end(payload ?? undefined);
    });
  }

  #away(cause: unknown): CliError {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const { stateFolder } = this.#session;
    // Who listens and hangs up runs; most likely it can't take another connection.
    const remedy =
      why === 'ECONNRESET'
        ? `see what it logs in ${stateFolder}/server.log; it may be out of file descriptors, or be ending`
        : 'start it again: tidegate up';
    return new CliError(`the server ${this.#whose()}does not answer at ${this.url}: ${why}`, {
      code: 'server-away',
      remedy,
      cause,
    });
  }

  /** With a space behind it, unless nothing is to be said. */
  #whose(): string {
    const isNamed = this.#session.env['TIDEGATE_SERVER'] !== undefined;
    return isNamed ? '' : `of ${this.#session.stateFolder} `;
  }

  #refusal(answer: IncomingMessage, text: string): CliError {
    const { statusCode } = answer;
    const problem = parseProblem(text);
    if (problem === null) {
      return new CliError(`the server answered ${statusCode} without saying why`, {
        code: 'refused',
        remedy: `look at ${this.#session.stateFolder}/server.log`,
      });
    }
    const lines = problemLines(problem.problems ?? [], {
      look: this.#session.talkLook,
      workingFolder: this.#session.workingFolder,
    });
    return new CliError(problem.detail || problem.title, {
      code: 'refused',
      lines,
      ...(statusCode === 401 && {
        remedy:
          this.#session.env['TIDEGATE_SERVER'] === undefined
            ? `the token in ${this.#session.stateFolder}/token is not this server's`
            : 'the token of TIDEGATE_TOKEN_FILE is over, revoked, or not of this server',
      }),
    });
  }
}

function parseProblem(text: string): z.infer<typeof problemSchema> | null {
  try {
    return problemSchema.parse(JSON.parse(text));
  } catch {
    // Not a problem document; the caller says so with the status.
    return null;
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk);
    sizeBytes += bytes.length;
    if (sizeBytes > answerBytesMax) throw tooLong(answer.url ?? '');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLong(path: string): CliError {
  return new CliError(`the answer to ${path} is longer than any of ours`, {
    code: 'unexpected-answer',
  });
}
