import { Agent, request as httpRequest, type RequestOptions } from 'node:http';
import { rounded } from '../form.ts';
import { blockBytes, Content, ContentCheck } from './content.ts';
import { type SoakPart, Tally } from './part.ts';
import type { SoakPlace } from './place.ts';

const bodyBytes = 10 * 1024 * 1024;
/** A body that stands still for so long is lost. */
const silenceMs = 60_000;

interface Body {
  readonly stream: number;
  readonly bytes: number;
  readonly isUp: boolean;
  readonly isChunked: boolean;
}

const kinds = [true, false].flatMap((isUp) =>
  [true, false].map((isChunked) => ({ isUp, isChunked })),
);

/** Many bodies of 10 MB, of both framings, up and down at the same time. */
export const bodies: SoakPart = {
  name: 'bodies',
  run: async (place, { bodies: count, bodiesAtOnce }, { signal, say }) => {
    const all = Array.from({ length: count }, (_, round) =>
      kinds.map((kind, index) => ({ ...kind, stream: 4 * round + index, bytes: bodyBytes })),
    ).flat();
    const tally = new Tally();
    const agent = new Agent({ keepAlive: true });
    const next = async (): Promise<void> => {
      for (let body = all.pop(); body !== undefined; body = all.pop()) {
        signal.throwIfAborted();
        tally.add(await exchange(place, agent, body));
      }
    };
    await place.residentMb();
    await Promise.all(Array.from({ length: bodiesAtOnce }, next));
    agent.destroy();
    const { mostMb } = await place.residentMb();
    say(`${tally.well + tally.failed} bodies of 10 MB: ${tally.failed} failed`);
    return {
      rows: [['bodies of 10 MB', String(tally.well + tally.failed), String(tally.failed)]],
      result: {
        bodies: tally.well + tally.failed,
        bodiesFailed: tally.failed,
        bodiesRssMbMost: rounded(mostMb),
      },
      faults: tally.faults,
    };
  },
};

/** One body of each framing and direction, as big as people send who have no other way. */
export const huge: SoakPart = {
  name: 'huge',
  run: async (place, { hugeBytes }, { signal, say }) => {
    const tally = new Tally();
    const agent = new Agent({ keepAlive: true });
    let mostMb = 0;
    const startedMs = performance.now();
    for (const [index, kind] of kinds.entries()) {
      signal.throwIfAborted();
      await place.residentMb();
      const body = { ...kind, stream: 1_000_000 + index, bytes: hugeBytes };
      tally.add(await exchange(place, agent, body));
      mostMb = Math.max(mostMb, (await place.residentMb()).mostMb);
      say(`${nameOf(body)}: ${tally.failed} failed, ${Math.round(mostMb)} MB resident at most`);
    }
    agent.destroy();
    const seconds = (performance.now() - startedMs) / 1000;
    const megabytes = (kinds.length * hugeBytes) / 1024 ** 2;
    const what = `bodies of ${Math.round(hugeBytes / 1024 ** 2)} MB`;
    return {
      rows: [[what, String(kinds.length), String(tally.failed)]],
      result: {
        hugeBytes,
        hugeFailed: tally.failed,
        hugeRssMbMost: rounded(mostMb),
        hugeMbPerSecond: rounded(megabytes / seconds),
      },
      faults: tally.faults,
    };
  },
};

function nameOf({ isUp, isChunked, bytes }: Body): string {
  const framing = isChunked ? 'chunked' : 'with its length';
  return `${Math.round(bytes / 1024 ** 2)} MB ${isUp ? 'up' : 'down'}, ${framing}`;
}

/** What was wrong with it, on either side; null: nothing. */
async function exchange(place: SoakPlace, agent: Agent, body: Body): Promise<string | null> {
  const fault = await (body.isUp ? sent(place, agent, body) : received(place, agent, body));
  return fault === null ? null : `${nameOf(body)}, stream ${body.stream}: ${fault}`;
}

function optionsFor({ port, host }: SoakPlace, agent: Agent, path: string): RequestOptions {
  return { host: '127.0.0.1', port, agent, path, headers: { host } };
}

function received(place: SoakPlace, agent: Agent, body: Body): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const { stream, bytes, isChunked } = body;
  const path = `/down?stream=${stream}&bytes=${bytes}${isChunked ? '&chunked' : ''}`;
  const check = new ContentCheck(stream);
  const request = httpRequest(optionsFor(place, agent, path), (response) => {
    if (response.statusCode !== 200) resolve(`was answered ${response.statusCode}`);
    const hasLength = response.headers['content-length'] !== undefined;
    if (hasLength === isChunked) resolve('came in another framing');
    response.on('data', (chunk: Buffer) => check.take(chunk));
    response.on('error', (error) => resolve(`${error.message} after ${check.bytes} octets`));
    response.on('end', () => resolve(check.ended(bytes)));
  });
  request.setTimeout(silenceMs, () => request.destroy(new Error('stood still')));
  request.on('error', (error) => resolve(error.message));
  request.end();
  return promise;
}

function sent(place: SoakPlace, agent: Agent, body: Body): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const { stream, bytes, isChunked } = body;
  const options = optionsFor(place, agent, `/up?stream=${stream}&bytes=${bytes}`);
  const length = isChunked ? {} : { 'content-length': bytes };
  const headers = { host: place.host, ...length };
  const request = httpRequest({ ...options, method: 'POST', headers }, (response) => {
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    response.on('error', (error) => resolve(error.message));
    response.on('end', () => resolve(faultOf(response.statusCode, text)));
  });
  request.setTimeout(silenceMs, () => request.destroy(new Error('stood still')));
  request.on('error', (error) => resolve(error.message));
  const content = new Content(stream);
  let at = 0;
  const more = (): void => {
    while (at < bytes && !request.destroyed) {
      const block = content.block(at / blockBytes).subarray(0, bytes - at);
      at += block.length;
      // A copy: the block is overwritten while the socket may still have it.
      if (!request.write(Buffer.from(block))) {
        request.once('drain', more);
        return;
      }
    }
    request.end();
  };
  more();
  return promise;
}

function faultOf(status: number | undefined, text: string): string | null {
  if (status !== 200) return `was answered ${status}: ${text.slice(0, 200)}`;
  return (JSON.parse(text) as { readonly fault: string | null }).fault;
}
