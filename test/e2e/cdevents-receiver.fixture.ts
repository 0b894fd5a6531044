import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly subject: { readonly content: { readonly artifactId?: string } } };
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly state: { status: number; tries: number; readonly taken: Event[] };
}

/** Answers with the status it is set to; keeps what it takes, each event once, as the specification has receivers do. */
export async function listening(): Promise<Receiver> {
  const state: Receiver['state'] = { status: 202, tries: 0, taken: [] };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const event = JSON.parse(body) as Event;
      const isRight =
        request.headers.authorization === `Basic ${btoa('ana:s3cret')}` &&
        request.headers['content-type'] === 'application/cloudevents+json' &&
        request.url === '/in?key=s3cret';
      state.tries += 1;
      const status = isRight ? state.status : 401;
      const isNew = state.taken.every(({ id }) => id !== event.id);
      if (status === 202 && isNew) state.taken.push(event);
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
