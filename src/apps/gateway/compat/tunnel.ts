import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Outcome } from '../../../domain/traffic/resilience/instance-health.ts';
import { noAnswer } from '../counters.ts';
import { https } from '../../../domain/traffic/routing/route-table.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import { connectTls } from '../instance-tls.ts';
import { destination, requestHeaders, responseHeaders } from '../forwarded-headers.ts';
import type { Target } from '../live-revision.ts';
import type { Choice } from '../live-routes.ts';
import { problemResponse } from '../problem.ts';
import type { Refusal } from '../refusal.ts';
import { SoleAttempt } from './sole-attempt.ts';

export interface TunnelRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the caller sent behind its request. */
  readonly head: Buffer;
  readonly choice: Extract<Choice, { kind: 'target' }>;
  readonly startedMs: number;
  /** Who the gateway is towards instances that ask; absent: nobody. */
  readonly identity?: GatewayIdentity | null;
}

/** Whether a request may become a tunnel. h2c is ignored, as RFC 9110 section 7.8 allows, and served as HTTP/1.1. */
export function wantsTunnel({ method, headers }: IncomingMessage): boolean {
  const isPlainGet =
    method === 'GET' &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0';
  return isPlainGet && headers.upgrade !== undefined && !/h2c/i.test(headers.upgrade);
}

/**
 * Passes an upgrade (WebSocket) on and then bytes both ways. Counted once, as 101, when the instance has switched; how
 * the tunnel ends is nobody's verdict. An instance that answers otherwise has that answer passed on.
 */
export function openTunnel(tunnel: TunnelRequest): void {
  const { request, socket, choice } = tunnel;
  const { target } = choice;
  const { authority = '', path } = destination(request);
  const { endpoint } = target;
  const headers = requestHeaders(request, authority);
  headers.push('connection', 'upgrade', 'upgrade', request.headers.upgrade ?? '');
  const upstream = httpRequest({
    agent: false,
    host: endpoint.host,
    port: endpoint.port,
    ...(endpoint.appProtocol === https
      ? { createConnection: () => connectTls(endpoint, tunnel.identity ?? null).socket }
      : {}),
    method: 'GET',
    path,
    headers,
  });
  const attempt = new SoleAttempt(target, tunnel.startedMs);
  let isEnded = false;
  const end = (statusClass: number | null) => {
    if (isEnded) return false;
    isEnded = true;
    clearTimeout(timer);
    attempt.end(outcomeOfClass(statusClass));
    if (statusClass !== null) count(target, statusClass, tunnel.startedMs);
    return true;
  };
  const fail = (refusal: Refusal) => {
    if (end(noAnswer)) socket.end(problemResponse(refusal));
    upstream.destroy();
  };
  const timer = setTimeout(() => {
    const detail = `instance ${endpoint.instanceId} did not answer within ${choice.requestTimeoutMs} ms`;
    fail({ status: 504, reason: 'timeout', detail });
  }, choice.requestTimeoutMs);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    if (end(null)) upstream.destroy();
  });
  upstream.on('error', (error) => {
    const detail = `instance ${endpoint.instanceId} did not answer: ${error.message}`;
    fail({ status: 502, reason: 'reset', detail });
  });
  upstream.on('upgrade', (response, upstreamSocket, upstreamHead) => {
    if (!end(0)) {
      upstreamSocket.destroy();
      return;
    }
    socket.write(answerHead(response, target, `connection: upgrade\r\n${upgradeLine(response)}`));
    join(tunnel, upstreamSocket, upstreamHead);
  });
  upstream.on('response', (response) => {
    const statusClass = Math.min(4, Math.floor((response.statusCode ?? 500) / 100) - 1);
    response.on('end', () => end(statusClass));
    response.on('error', () => {
      end(noAnswer);
      socket.destroy();
    });
    socket.write(answerHead(response, target, 'connection: close\r\n'));
    response.pipe(socket);
  });
  upstream.end();
}

function outcomeOfClass(statusClass: number | null): Outcome {
  if (statusClass === null) return 'none';
  if (statusClass === noAnswer) return 'gateway-error';
  return statusClass === 4 ? 'error' : 'success';
}

/** Bytes both ways with back-pressure; when one side is gone, so is the other. */
function join({ socket, head }: TunnelRequest, upstream: Duplex, upstreamHead: Buffer): void {
  upstream.on('error', () => upstream.destroy());
  upstream.on('close', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
  if (upstreamHead.length > 0) socket.write(upstreamHead);
  if (head.length > 0) upstream.write(head);
  upstream.pipe(socket);
  socket.pipe(upstream);
}

function count({ counter }: Target, statusClass: number, startedMs: number): void {
  counter.count(statusClass, (performance.now() - startedMs) * 1000);
}

function answerHead(response: IncomingMessage, target: Target, connectionLines: string): string {
  const status = response.statusCode ?? 502;
  const pairs = responseHeaders(response.rawHeaders, { status, revisionId: target.revisionId });
  let head = `HTTP/1.1 ${status} ${response.statusMessage ?? ''}\r\n`;
  for (let index = 0; index < pairs.length; index += 2) {
    head += `${pairs[index] ?? ''}: ${pairs[index + 1] ?? ''}\r\n`;
  }
  return `${head}${connectionLines}\r\n`;
}

function upgradeLine(response: IncomingMessage): string {
  const { upgrade } = response.headers;
  return upgrade === undefined ? '' : `upgrade: ${upgrade}\r\n`;
}
