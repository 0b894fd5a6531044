import { type ClientRequest, type IncomingMessage, request, type RequestOptions } from 'node:http';
import type { ProbeResult } from '../../../domain/health/probe.ts';
import { isWantHere } from '../want-here.ts';

export interface ProbeTarget {
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
}

/**
 * One GET on a connection of its own: a kept connection would say nothing of the next one. 2xx within the timeout is
 * success; the body is read and dropped until the timeout, so a server that writes one is not cut off in the middle.
 * An abort settles as failed at once.
 */
export function probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  return probeBy(request, target, signal);
}

type Ask = (
  options: RequestOptions,
  onAnswer: (response: IncomingMessage) => void,
) => ClientRequest;

/** `ask` makes the request, with TLS or without. */
export function probeBy(ask: Ask, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const { port, path, timeoutMs } = target;
  return new Promise((resolve) => {
    const fail = (text: string): void => resolve({ kind: 'failed', text: `GET ${path} ${text}` });
    const outgoing = ask({ host: '127.0.0.1', port, path, agent: false, signal }, (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve({ kind: 'ok' });
      else fail(`answered ${status}`);
      // The verdict is in the status line; what happens to the body after it changes nothing.
      response.on('error', () => undefined);
      response.resume();
    });
    const deadline = setTimeout(() => {
      fail(`gave no answer within ${timeoutMs / 1_000} s`);
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on('error', (error) => resolve(connectionFailure(`GET ${path}`, error, port)));
    outgoing.on('close', () => clearTimeout(deadline));
    outgoing.end();
  });
}

/** `what` reads like "GET /readyz". */
export function connectionFailure(what: string, error: Error, port: number): ProbeResult {
  const code = 'code' in error ? String(error.code) : '';
  if (isWantHere(code))
    return { kind: 'unknown', text: `${what} could not be made: ${error.message}` };
  const text = reasons[code] ?? `failed: ${error.message}`;
  return { kind: 'failed', text: `${what} ${text.replace('PORT', String(port))}` };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'found nobody listening on port PORT',
  ECONNRESET: 'was cut off without an answer',
};
