/**
 * `node renewing-callers.ts PORT SECONDS CONNECTIONS REQUESTS`: callers that ask over TLS one request after the other, and after
 * so many REQUESTS over another connection with a full handshake. Prints `{"requests", "failures"}`.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { hostName } from '../gateway/configurations.ts';

const [port = 0, seconds = 0, callers = 0, requestsEach = 0] = process.argv.slice(2).map(Number);
const untilMs = performance.now() + seconds * 1000;
let requests = 0;
let failures = 0;

await Promise.all(Array.from({ length: callers }, call));
console.log(JSON.stringify({ requests, failures }));

async function call(): Promise<void> {
  while (performance.now() < untilMs) {
    // No session is kept, so that none is resumed.
    const agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
    for (let each = 0; each < requestsEach; each += 1) await ask(agent);
    agent.destroy();
  }
}

async function ask(agent: Agent): Promise<void> {
  requests += 1;
  try {
    // One key agreement whoever is asked: HAProxy's OpenSSL has no hybrid with ML-KEM yet.
    const options = { host: '127.0.0.1', port, agent, servername: hostName, ecdhCurve: 'X25519' };
    // Whose certificate it is, is not what is measured, and checking it costs the caller alone.
    const outgoing = request({
      ...options,
      headers: { host: hostName },
      rejectUnauthorized: false,
    });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    if (response.statusCode !== 200) failures += 1;
  } catch {
    // Counted, and told.
    failures += 1;
  }
}
