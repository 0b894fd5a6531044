import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../../api/wire.ts';
import { RequestError } from '../client/request.ts';
import { type Interest, ResourceStore } from './resource-store.ts';

const onEvent: Interest = { changes: ({ service }) => service === 'shop', goodForMs: () => null };

function eventOf(service: string): EventView {
  const at = '2026-11-22T00:00:00Z';
  const nobody = { rolloutId: null, decision: null, weightPercent: null, by: null };
  return { index: 1, at, type: 'x', service, severity: 'info', sentence: '', ...nobody };
}

/** A server that answers how often it was asked, until it is told to fail. */
function storeOf(kept: ReadonlyMap<string, { value: unknown; gotAtMs: number }> = new Map()) {
  const server = { asked: 0, isAway: false };
  const store = new ResourceStore({
    get: async () => {
      server.asked += 1;
      if (server.isAway) throw new RequestError(0, 'the server does not answer');
      return server.asked;
    },
    nowMs: Date.now,
    isHidden: () => false,
    kept,
    onProblem: () => undefined,
  });
  return { server, store };
}

/** Polls, as answers come when they come. */
async function until(isSo: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 60_000; !isSo();) {
    assert.ok(Date.now() < endMs, 'nothing came');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('what is watched is asked for once, and again only by an event that concerns it', async () => {
  const { server, store } = storeOf();
  let drawn = 0;
  const end = store.watch('/a', onEvent, () => (drawn += 1));
  await until(() => store.read('/a').value === 1);
  store.tell(eventOf('other'));
  assert.equal(store.read('/a').value, 1);
  store.tell(eventOf('shop'));
  await until(() => store.read('/a').value === 2);
  assert.deepEqual([server.asked, drawn], [2, 2]);
  end();
  store.tell(eventOf('shop'));
  assert.equal(server.asked, 2);
});

test('many events are one request more, not as many', async () => {
  const { server, store } = storeOf();
  const end = store.watch('/a', onEvent, () => undefined);
  for (let count = 0; count < 200; count += 1) store.tell(eventOf('shop'));
  await until(() => store.read('/a').value === 2);
  assert.equal(server.asked, 2);
  end();
});

test('while the server is away the last answer stays, with its age and the reason', async () => {
  const kept = new Map([['/a', { value: 'as it was', gotAtMs: 5 }]]);
  const { server, store } = storeOf(kept);
  server.isAway = true;
  const end = store.watch('/a', onEvent, () => undefined);
  await until(() => store.read('/a').problem !== null);
  const { value, gotAtMs, problem } = store.read('/a');
  assert.deepEqual([value, gotAtMs, problem?.status], ['as it was', 5, 0]);
  server.isAway = false;
  store.refreshAll();
  await until(() => store.read('/a').problem === null);
  assert.equal(store.read('/a').value, 2);
  end();
});

test('after somebody else has signed in, nothing of the one before is shown', async () => {
  const { store } = storeOf(new Map([['/secret', { value: 'of ann', gotAtMs: 5 }]]));
  store.clear();
  assert.equal(store.read('/secret').value, null);
});
