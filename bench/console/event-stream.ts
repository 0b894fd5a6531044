import { setTimeout as sleep } from 'node:timers/promises';
import type { EventView } from '../../src/api/wire.ts';
import { quantileOf } from '../form.ts';
import { waitFor, type World } from '../world.ts';

const readersCount = 5;
const rate = 200;
const settleMs = 60_000;

export interface StreamResult {
  /** What each reader got, from its first event to its last. */
  readonly eventsPerSecond: number;
  readonly events: number;
  /** From the entry's own time to its arrival. */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  /** Whether every reader got the same events, each once and in the ledger's order. */
  readonly isWhole: boolean;
}

interface Heard {
  readonly index: number;
  readonly atMs: number;
  readonly lagMs: number;
}

/**
 * Orders that the decider refuses, 200 a second: each is an entry, signed and on the disk before it is told. Several readers follow
 * the stream meanwhile.
 */
export async function measureStream(
  world: World,
  seconds: number,
  service: string,
): Promise<StreamResult> {
  const { ledger } = await world.status();
  const ended = new AbortController();
  const heard: Heard[][] = Array.from({ length: readersCount }, () => []);
  const readers = heard.map((into) => follow(world, ledger.entries, into, ended.signal));
  const wanted = seconds * rate;
  const sending: Promise<void>[] = [];
  const startedMs = performance.now();
  for (let n = 0; n < wanted; n += 1) {
    await sleep(Math.max(0, startedMs + (n * 1000) / rate - performance.now()));
    sending.push(refused(world, service));
  }
  await Promise.all(sending);
  await waitFor(
    'every event at every reader',
    () => heard.every((each) => each.length >= wanted),
    settleMs,
  );
  ended.abort();
  await Promise.all(readers);
  return resultOf(heard);
}

function resultOf(heard: readonly (readonly Heard[])[]): StreamResult {
  const [one = []] = heard;
  const [first, last] = [one[0], one.at(-1)];
  const lags = heard.flat().map(({ lagMs }) => lagMs);
  const orders = new Set(heard.map((each) => each.map(({ index }) => index).join()));
  const isSorted = one.every(({ index }, at) => at === 0 || index > (one[at - 1]?.index ?? 0));
  const tookMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  return {
    eventsPerSecond: ((one.length - 1) * 1000) / Math.max(1, tookMs),
    events: one.length,
    lagP50Ms: quantileOf(lags, 0.5) ?? 0,
    lagP99Ms: quantileOf(lags, 0.99) ?? 0,
    isWhole: orders.size === 1 && isSorted,
  };
}

/** The service has no rollout under way, so there is nothing to pause. */
async function refused(world: World, service: string): Promise<void> {
  const answer = await fetch(new URL(`/v1/services/${service}/actions`, world.apiUrl), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await world.token()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ action: 'pause', who: 'bench', why: null }),
  });
  const text = await answer.text();
  if (answer.status !== 409) throw new Error(`pause was answered ${answer.status}: ${text}`);
}

async function follow(
  world: World,
  from: number,
  into: Heard[],
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(`/v1/events?follow=true&from=${from}`, world.apiUrl);
  const headers = { authorization: `Bearer ${await world.token()}` };
  try {
    const { body } = await fetch(url, { headers, signal });
    if (body === null) throw new Error('the stream has no body');
    let rest = '';
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        const { index, at } = JSON.parse(data) as EventView;
        into.push({ index, atMs: performance.now(), lagMs: Date.now() - Date.parse(at) });
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
