import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  clockOfTests as clock,
  eventually,
  isSignedBy,
  readWhole,
  StateFolder,
} from './authority.fixture.ts';
import { SvidKeeper } from './svid-keeper.ts';

const cart = { instanceId: 'cart-0123456789-1', service: 'cart' };

/** Whatever it logs fails the test, unless `told` is there to take it. */
async function keeperOf(
  state: StateFolder,
  svidLifeMs = 3_600_000,
  told?: string[],
): Promise<SvidKeeper> {
  await state.authority.init({
    trustDomain: 'shop.example',
    svidLifeMs,
    given: null,
    nowMs: clock.nowMs(),
  });
  return SvidKeeper.open({
    stateFolder: state.path,
    clock,
    log: (message) => (told === undefined ? assert.fail(message) : void told.push(message)),
  });
}

const folderOf = (state: StateFolder) => join(state.path, 'identity', 'instances', cart.instanceId);

test('no authority is made until a certificate is wanted', async () => {
  await using state = await StateFolder.make();
  const told: string[] = [];
  const log = (message: string) => void told.push(message);
  const keeper = await SvidKeeper.open({ stateFolder: state.path, clock, log });
  assert.deepEqual(await state.authority.read(), []);
  const variables = await keeper.grant(cart);
  assert.deepEqual(told, ['made a certificate authority for tidegate.local']);
  assert.equal(variables['TIDEGATE_SPIFFE_ID'], keeper.idOf('cart'));
  const { certificate } = await readWhole(folderOf(state));
  assert.equal(certificate.subjectAltName, `URI:${keeper.idOf('cart')}, DNS:localhost`);
  assert.ok(!certificate.ca);
  const key = await readFile(variables['TIDEGATE_SVID_KEY'] ?? '', 'utf8');
  assert.match(key, /^-----BEGIN PRIVATE KEY-----/);
  assert.ok(!Object.values(variables).join().includes('PRIVATE'));
});

test('a certificate is renewed long before its end, in one step, and old ones are removed', async () => {
  await using state = await StateFolder.make();
  const keeper = await keeperOf(state, 1000);
  const stop = new AbortController();
  await keeper.grant(cart);
  const running = keeper.run(stop.signal);
  const serials = new Set<string>();
  let least = Infinity;
  await eventually(async () => {
    const { certificate } = await readWhole(folderOf(state)).catch(rereadIfGone);
    serials.add(certificate.serialNumber);
    least = Math.min(least, Date.parse(certificate.validTo) - Date.parse(certificate.validFrom));
    return serials.size >= 4 ? serials.size : null;
  }, 'four certificates');
  stop.abort();
  await running;
  assert.ok(least >= 1000, `a certificate for ${least} ms`);
  const versions = (await readdir(folderOf(state))).filter((name) => name.startsWith('version-'));
  assert.ok(versions.length <= 3, versions.join());

  async function rereadIfGone(error: NodeJS.ErrnoException) {
    // Two were made while it was read.
    if (error.code !== 'ENOENT') throw error;
    return readWhole(folderOf(state));
  }
});

test('what has not changed is not made again', async () => {
  await using state = await StateFolder.make();
  const keeper = await keeperOf(state);
  await keeper.grant(cart);
  const first = await realpath(join(folderOf(state), 'current'));
  await keeper.grant(cart);
  assert.equal(await realpath(join(folderOf(state), 'current')), first);
});

test('everybody trusts the next authority before it signs, and the one before as long as its certificates live', async () => {
  await using state = await StateFolder.make();
  const told: string[] = [];
  const keeper = await keeperOf(state, 1000, told);
  const stop = new AbortController();
  await keeper.grant(cart);
  const before = await readWhole(folderOf(state));
  const running = keeper.run(stop.signal);
  await state.authority.rotate(null, clock.nowMs());
  const isOfFirst = (seen: Awaited<ReturnType<typeof readWhole>>) =>
    before.bundle.some((root) => isSignedBy(seen.certificate, root));
  const seen: string[] = [];
  await eventually(async () => {
    const now = await readWhole(folderOf(state)).catch(nullIfGone);
    if (now === null) return null;
    const word = `${isOfFirst(now) ? 'first' : 'second'} of ${now.bundle.length}`;
    if (seen.at(-1) !== word) seen.push(word);
    return word === 'second of 1' ? word : null;
  }, 'the first authority is trusted no more');
  await eventually(async () => (told.length === 0 ? null : true), 'the first key is removed');
  stop.abort();
  await running;
  assert.deepEqual(told, ['certificate authority 1 is over: removed its key']);
  // A busy machine may see less of it, and never anything else.
  const order = ['first of 1', 'first of 2', 'second of 2', 'second of 1'];
  assert.deepEqual(
    seen,
    order.filter((word) => seen.includes(word)),
  );
});

test('who is revoked gets another certificate, and gateways hear of it', async () => {
  await using state = await StateFolder.make();
  const keeper = await keeperOf(state, 20_000);
  const stop = new AbortController();
  await keeper.grant(cart);
  await keeper.grantGateway(['cart.localhost']);
  const before = (await readWhole(folderOf(state))).certificate.serialNumber;
  const running = keeper.run(stop.signal);
  const id = keeper.idOf('cart');
  await state.authority.revoke(
    { kind: 'identity', id },
    { reason: 'stolen', nowMs: clock.nowMs() },
  );
  await eventually(async () => {
    const { certificate } = await readWhole(folderOf(state));
    return certificate.serialNumber === before ? null : true;
  }, 'another certificate');
  const denied = join(state.path, 'identity', 'gateway', 'current', 'denied.json');
  await eventually(async () => {
    return (await readFile(denied, 'utf8').catch(() => '')).includes(id) ? true : null;
  }, 'the gateway knows');
  stop.abort();
  await running;
});

test('a server that is started again takes no host from the gateway', async () => {
  await using state = await StateFolder.make();
  const keeper = await keeperOf(state);
  await keeper.grantGateway(['cart.localhost']);
  const log = (message: string): void => assert.fail(message);
  const next = await SvidKeeper.open({ stateFolder: state.path, clock, log });
  await next.grant(cart);
  const { certificate } = await readWhole(join(state.path, 'identity', 'gateway'));
  assert.match(certificate.subjectAltName ?? '', /DNS:cart\.localhost/);
});

test('an instance that is gone leaves nothing', async () => {
  await using state = await StateFolder.make();
  const keeper = await keeperOf(state);
  await keeper.grant(cart);
  await keeper.grant({ ...cart, instanceId: 'cart-0123456789-2' });
  await keeper.withdraw(cart.instanceId);
  assert.deepEqual(await readdir(join(state.path, 'identity', 'instances')), ['cart-0123456789-2']);
  await keeper.retain(new Set());
  assert.deepEqual(await readdir(join(state.path, 'identity', 'instances')), []);
});

test('a certificate is whole wherever the process that renews it is killed', async () => {
  await using state = await StateFolder.make();
  const program = fileURLToPath(new URL('./keeper.fixture.ts', import.meta.url));
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, [program, state.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    await once(child.stdout, 'data');
    // Wherever it is by then; nothing is waited for.
    await sleep(30 + 17 * round);
    child.kill('SIGKILL');
    await ended;
    await readWhole(join(state.path, 'identity', 'instances', 'cart-1'));
    await eventually(
      async () => readWhole(join(state.path, 'identity', 'gateway')).catch(ifNone),
      'a gateway',
    );
  }

  function ifNone(error: NodeJS.ErrnoException) {
    // Killed before its first one was there: the next round has one.
    if (error.code === 'ENOENT') return true as const;
    throw error;
  }
});

/** Two were made while it was read. */
function nullIfGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
