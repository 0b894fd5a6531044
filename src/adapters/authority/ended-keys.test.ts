import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { trustEndsMs } from '../../domain/identity/authority-schedule.ts';
import type { Clock } from '../../ports/clock.ts';
import { eventually, readWhole, StateFolder } from './authority.fixture.ts';
import { SvidKeeper } from './svid-keeper.ts';

const svidLifeMs = 3_600_000;
const cart = { instanceId: 'cart-1', service: 'cart' };

/** Says what it is told to; sleeping is real and short. */
class SetClock implements Clock {
  atMs = Date.now();

  nowMs(): number {
    return this.atMs;
  }

  sleep(_durationMs: number, signal: AbortSignal): Promise<void> {
    return sleep(10, undefined, { signal });
  }
}

/** A keeper that runs, with an authority and its successor. */
async function rotated(state: StateFolder) {
  const clock = new SetClock();
  const given = { trustDomain: 'shop.example', svidLifeMs, given: null };
  const first = await state.authority.init({ ...given, nowMs: clock.atMs });
  const next = await state.authority.rotate(null, clock.atMs);
  const told: string[] = [];
  const log = (message: string): void => void told.push(message);
  const keeper = await SvidKeeper.open({ stateFolder: state.path, clock, log });
  return { clock, first, next, told, keeper };
}

/** Renews until it is left, whatever a test finds. */
class Running implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(keeper: SvidKeeper) {
    this.#running = keeper.run(this.#stop.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

const keyOf = (state: StateFolder, number: number): string =>
  join(state.path, 'ca', `authority-${number}`, 'key.pem');

test('the key of an authority is there until the last certificate of it has ended, and no longer', async () => {
  await using state = await StateFolder.make();
  const { clock, first, next, told, keeper } = await rotated(state);
  await keeper.grant(cart);
  const endsMs = trustEndsMs(first, next);
  clock.atMs = endsMs - 1;
  await using _running = new Running(keeper);
  const folder = join(state.path, 'identity', 'instances', cart.instanceId);
  // Renewed by the new authority, so that a turn at this time is over.
  await eventually(async () => {
    const { certificate } = await readWhole(folder);
    return certificate.checkIssued(new X509Certificate(next.chainPem)) ? true : null;
  }, 'the new authority signs');
  assert.ok(existsSync(keyOf(state, 1)));
  clock.atMs = endsMs;
  await eventually(async () => (existsSync(keyOf(state, 1)) ? null : true), 'the key is gone');
  await eventually(async () => (told.length > 0 ? true : null), 'it is told');
  assert.deepEqual(told, ['certificate authority 1 is over: removed its key']);
  assert.deepEqual(
    (await state.authority.read()).map(({ number, hasKey }) => [number, hasKey]),
    [
      [1, false],
      [2, true],
    ],
  );
});

test('what an earlier server left is removed by the next, and a clock that is set back harms nothing', async () => {
  await using state = await StateFolder.make();
  const { clock, first, next, keeper } = await rotated(state);
  const beforeMs = clock.atMs;
  clock.atMs = trustEndsMs(first, next);
  await using _running = new Running(keeper);
  await eventually(async () => (existsSync(keyOf(state, 1)) ? null : true), 'the key is gone');
  // The first authority would sign at this time.
  clock.atMs = beforeMs;
  await keeper.grant(cart);
  const { certificate } = await readWhole(
    join(state.path, 'identity', 'instances', cart.instanceId),
  );
  assert.ok(certificate.checkIssued(new X509Certificate(next.chainPem)));
});

test('without the key of the one that signs nothing is signed, and no other authority is made', async () => {
  await using state = await StateFolder.make();
  const clock = new SetClock();
  const given = { trustDomain: 'shop.example', svidLifeMs, given: null };
  const only = await state.authority.init({ ...given, nowMs: clock.atMs });
  await state.authority.forgetKey(only);
  await state.authority.forgetKey(only);
  const opening = SvidKeeper.open({ stateFolder: state.path, clock, log: () => {} });
  await assert.rejects(opening, /no certificate authority has its key/);
  assert.equal((await state.authority.read()).length, 1);
  await appendFile(keyOf(state, 1), 'not a key', { mode: 0o600 });
  await assert.rejects(
    SvidKeeper.open({ stateFolder: state.path, clock, log: () => {} }),
    /it is none/,
  );
});
