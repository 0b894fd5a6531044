import { type ClientHttp2Session, connect } from 'node:http2';
import type { ProbeResult } from '../../../domain/health/probe.ts';
import { connectionFailure, type ProbeTarget } from './probe.ts';

/**
 * The method of gRPC's health checking protocol (grpc.health.v1, doc/health-checking.md of grpc/grpc). Asked for as the path of
 * a probe, it is called.
 */
const grpcHealthPath = '/grpc.health.v1.Health/Check';
/** An empty HealthCheckRequest behind its five octets of prefix: not compressed, 0 octets long. */
const grpcRequest = Buffer.alloc(5);
/** A HealthCheckResponse with `status` (field 1) SERVING (1), behind the same prefix. */
const grpcServing = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const bodyBytesMax = 64 * 1024;

/** As `probe`, for instances that speak HTTP/2 by prior knowledge. */
export function probeHttp2(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const { port, path, timeoutMs } = target;
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const settle = (result: ProbeResult): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      session.destroy();
      resolve(result);
    };
    const fail = (text: string): void =>
      settle({ kind: 'failed', text: `${path} over h2c ${text}` });
    const abort = (): void => fail('was given up');
    const late = (): void => fail(`gave no answer within ${timeoutMs / 1_000} s`);
    const deadline = setTimeout(late, timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    session.on('error', (error) => settle(connectionFailure(`${path} over h2c`, error, port)));
    session.on('close', () => fail('was cut off without an answer'));
    if (!session.destroyed) ask(session, path, { fail, ok: () => settle({ kind: 'ok' }) });
  });
}

interface Verdict {
  readonly fail: (text: string) => void;
  readonly ok: () => void;
}

function ask(session: ClientHttp2Session, path: string, { fail, ok }: Verdict): void {
  const isGrpc = path === grpcHealthPath;
  const grpc = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request({ ':path': path, ...(isGrpc ? grpc : {}) });
  let status = 0;
  let grpcStatus: unknown = null;
  let body: Buffer = Buffer.alloc(0);
  stream.on('error', (error) => fail(`failed: ${error.message}`));
  stream.on('response', (headers) => {
    status = headers[':status'] ?? 0;
    grpcStatus = headers['grpc-status'] ?? null;
    if (!isGrpc && status >= 200 && status < 300) ok();
    else if (!isGrpc) fail(`answered ${status}`);
  });
  stream.on('trailers', (trailers) => {
    grpcStatus = trailers['grpc-status'] ?? null;
  });
  stream.on('data', (chunk: Buffer) => {
    if (body.length < bodyBytesMax) body = Buffer.concat([body, chunk]);
  });
  stream.on('end', () => {
    if (status === 200 && grpcStatus === '0' && body.equals(grpcServing)) ok();
    else if (grpcStatus === '0') fail('does not say SERVING');
    else fail(`ended with status ${status}, grpc-status ${String(grpcStatus)}`);
  });
  if (isGrpc) stream.end(grpcRequest);
}
