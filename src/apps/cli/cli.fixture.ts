import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const mainPath = fileURLToPath(new URL('./main.ts', import.meta.url));
const token = 'a-token-of-the-tests';
const childTimeoutMs = 300_000;

/** Gives the body of an answer, or the answer itself by writing it. `undefined`: not found. */
export type Answer = (call: {
  readonly body: unknown;
  readonly url: URL;
  readonly response: ServerResponse;
}) => unknown;

/** `GET /v1/status` and so on. */
export type Answers = Readonly<Record<string, Answer>>;

export interface FakeServer extends AsyncDisposable {
  readonly stateFolder: string;
  readonly url: string;
  /** `METHOD /path?query` of each call so far. */
  readonly calls: readonly string[];
  /**
   * From now on the state folder names an address where nobody listens. A port that is let go may be another server's a
   * moment later, so this one is held.
   */
  goAway(): Promise<void>;
}

/** A real HTTP server on a free port with a state folder of its own. */
export async function startFakeServer(answers: Answers): Promise<FakeServer> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'tidegate-cli-'));
  const calls: string[] = [];
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    void answer(answers, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  const writeAddress = (at: string): Promise<void> => {
    const file = { url: at, gatewayUrl: at, pid: process.pid, startTicks: null, version: '0.1.0' };
    return writeFile(join(stateFolder, 'server.json'), JSON.stringify(file));
  };
  await writeAddress(url);
  await writeFile(join(stateFolder, 'token'), `${token}\n`, { mode: 0o600 });
  return {
    stateFolder,
    url,
    calls,
    goAway: () => writeAddress(url.replace('127.0.0.1', '127.0.0.2')),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await rm(stateFolder, { recursive: true, force: true });
    },
  };
}

async function answer(
  answers: Answers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const body = await text(request);
  if (request.headers.authorization !== `Bearer ${token}`) {
    sendProblem(response, 401, 'the token is wrong');
    return;
  }
  const found = answers[`${request.method} ${decodeURIComponent(url.pathname)}`];
  const given = found?.({ body: body === '' ? null : JSON.parse(body), url, response });
  if (response.headersSent) return;
  if (given === undefined) sendProblem(response, 404, `there is no ${url.pathname}`);
  else response.setHeader('content-type', 'application/json').end(JSON.stringify(given));
}

export function sendProblem(
  response: ServerResponse,
  status: number,
  detail: string,
  problems: readonly unknown[] = [],
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Refused', status, detail, problems }));
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stateFolder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Called with all of standard output so far; may end the program. */
  readonly onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** The command line as users start it, in a process of its own and a known environment. */
export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(process.execPath, [mainPath, ...argv], {
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      LANG: 'C',
      // The folder bin/tidegate.js uses too; halves the time of each run.
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
      TIDEGATE_STATE: options.stateFolder ?? '/nonexistent/tidegate',
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: childTimeoutMs,
    killSignal: 'SIGKILL',
  });
  child.stdin.end(options.stdin ?? '');
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString('utf8');
    options.onOutput?.(seen, (signal) => child.kill(signal));
  });
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout: seen, stderr };
}
