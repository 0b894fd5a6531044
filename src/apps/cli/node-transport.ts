import { type Agent, type IncomingMessage, request as httpRequest } from 'node:http';

import type { Transport } from '../../api/client/transport.ts';

/** By the connections of `agent`. `fetch` would take a tenth of a second to load, and hides why nobody answers. */
export function nodeTransport(agent: Agent): Transport {
  return async ({ method, url, headers, body }, signal) => {
    const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { method, agent, signal, headers: { ...headers, ...length } };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpRequest(new URL(url), options, resolve);
      sent.on('error', reject);
      sent.end(body ?? undefined);
    });
    return {
      status: answer.statusCode ?? 0,
      header: (name) => answer.headers[name]?.toString() ?? null,
      chunks: answer,
    };
  };
}
