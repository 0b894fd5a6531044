import { join } from 'node:path';
import { hostName } from './configurations.ts';
import { output } from './programs.ts';

export interface WrkOptions {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Each connection thinks for 12-28 ms before each request: about 50 requests/s a connection, below saturation. */
  readonly isPaced: boolean;
  /** Whatever certificate is shown is taken. */
  readonly isTls?: boolean;
}

export interface WrkResult {
  readonly requests: number;
  readonly tookUs: number;
  /** Connections or requests that failed, answers of 400 and above. */
  readonly failures: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** What a browser of an application with a token sends: 516 bytes with method and path. */
const headers = [
  `Host: ${hostName}`,
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Accept: application/json, text/plain, */*',
  'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
  'Accept-Encoding: gzip, deflate, br',
  'Authorization: Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlc2lnbmF0dXJl',
  'Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark',
  'Referer: https://shop.example/products/1234',
  'Cache-Control: no-cache',
];

export async function wrk(options: WrkOptions, signal: AbortSignal): Promise<WrkResult> {
  const { port, path, connections, seconds, isPaced, isTls = false } = options;
  const script = join(import.meta.dirname, isPaced ? 'paced.lua' : 'report.lua');
  const argv = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout',
    '10s',
    '-s',
    script,
  ];
  for (const header of headers) argv.push('-H', header);
  const text = await output(
    [...argv, `${isTls ? 'https' : 'http'}://127.0.0.1:${port}${path}`],
    signal,
  );
  const line = text.split('\n').findLast((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result: ${text}`);
  return JSON.parse(line) as WrkResult;
}
