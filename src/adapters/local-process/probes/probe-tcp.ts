import { connect } from 'node:net';
import type { ProbeResult } from '../../../domain/health/probe.ts';
import { connectionFailure, type ProbeTarget } from './probe.ts';

/** A connection within the timeout is success; it is closed at once. An abort settles as unknown. */
export function probeTcp(
  { port, timeoutMs }: Omit<ProbeTarget, 'path'>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const what = `a connection to port ${port}`;
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, signal });
    const settle = (result: ProbeResult): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(result);
    };
    const late = (): void =>
      settle({ kind: 'failed', text: `${what} was not made within ${timeoutMs / 1_000} s` });
    const deadline = setTimeout(late, timeoutMs);
    socket.on('connect', () => settle({ kind: 'ok' }));
    socket.on('error', (error) => {
      if (signal.aborted) settle({ kind: 'unknown', text: `${what} was given up` });
      else settle(connectionFailure(what, error, port));
    });
  });
}
