import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { MemoryLedgerStore } from '../../adapters/memory/memory-ledger-store.ts';
import { openLogNoteSigners, openNoteSigner } from '../../adapters/system/note-signing-key.ts';
import { SystemClock } from '../../adapters/system/system-clock.ts';
import { HttpWitness } from '../../adapters/witness/http-witness.ts';
import { Checkpointer, logPolicyLines } from '../../control/ledger/checkpointer.ts';
import { consistencyProof } from '../../control/ledger/ledger-proofs.ts';
import { Witnessing } from '../../control/ledger/witnessing.ts';
import { hexOfHash, leafHash } from '../../domain/evidence/digest.ts';
import { originOf } from '../../domain/evidence/export-format.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import { formatVkey, noteKey } from '../../domain/evidence/note-key.ts';
import { parsePolicy } from '../../domain/evidence/trust-policy.ts';
import { WitnessError } from '../../ports/witness.ts';
import { witnessServer } from './witness-server.ts';
import { WitnessStore } from './witness-store.ts';

/** For what is to be answered: a machine may be very slow. */
const boundMs = 60_000;

test('two witnesses cosign a ledger as it grows, and a verifier believes it by its policy', async () => {
  await using world = await openWorld();
  for (const size of [1, 5, 300]) {
    await world.growTo(size);
    const made = await world.checkpointer.make(signal());
    assert.deepEqual([made.size, made.isQuorum, made.witnesses], [size, true, ['one', 'two']]);
    const judged = judgeCheckpoint(Buffer.from(made.note), world.policy, 'strict');
    assert.equal(judged.witnesses.length, 2);
  }
});

test('a checkpoint keeps its cosignatures when it is asked for again without the witnesses', async () => {
  await using world = await openWorld();
  await world.growTo(5);
  const first = await world.checkpointer.make(signal());
  for (const server of world.servers) {
    server.closeAllConnections();
    server.close();
  }
  const again = await world.checkpointer.make(signal());
  assert.deepEqual([again.note, again.isQuorum], [first.note, true]);
  assert.equal((await world.store.checkpoints(5, signal()))[0]?.note, first.note);
  await world.growTo(6);
  assert.equal((await world.checkpointer.make(signal())).isQuorum, false);
});

test('another history of the same size is refused with 409, a longer one with 422', async () => {
  await using world = await openWorld();
  await world.growTo(5);
  await world.checkpointer.make(signal());
  const fork = await world.forkedAt(3);
  await grow(fork, 5, 'other');
  const same = await world.checkpointerOf(fork).make(signal());
  assert.equal(same.isQuorum, false);
  assert.match(same.problem ?? '', /one answered 409.*two answered 409/);
  await grow(fork, 9, 'other');
  const longer = await world.checkpointerOf(fork).make(signal());
  assert.match(longer.problem ?? '', /one answered 422.*two answered 422/);
});

test('a ledger that was put back is told by the size its witnesses have seen', async () => {
  await using world = await openWorld();
  await world.growTo(9);
  await world.checkpointer.make(signal());
  const back = await world.forkedAt(4);
  const made = await world.checkpointerOf(back).make(signal());
  assert.equal(made.isQuorum, false);
  assert.match(made.problem ?? '', /seen 9 entries of this ledger, which has 4/);
});

test('without a witness nothing tells a ledger that was put back, which is why there are some', async () => {
  await using world = await openWorld();
  await world.growTo(9);
  await world.checkpointer.make(signal());
  const back = await world.forkedAt(4);
  const alone = world.checkpointerOf(back, []);
  assert.equal((await alone.make(signal())).problem, null);
});

test('a ledger does not sign what does not continue its own checkpoint', async () => {
  await using world = await openWorld();
  await world.growTo(9);
  await world.checkpointer.make(signal());
  const fork = await world.forkedAt(4);
  for (const each of await world.store.checkpoints(0, signal())) {
    await fork.saveCheckpoint(each, signal());
  }
  await assert.rejects(
    world.checkpointerOf(fork).make(signal()),
    /does not continue its checkpoint/,
  );
  await grow(fork, 20, 'other');
  await assert.rejects(
    world.checkpointerOf(fork).make(signal()),
    /does not continue its checkpoint/,
  );
});

test('of many requests at once none rolls the witness back, and the store itself refuses to', async () => {
  await using world = await openWorld();
  await world.growTo(40);
  const notes = new Map<number, string>();
  for (let size = 1; size <= 40; size += 1) {
    const part = await world.forkedAt(size);
    notes.set(size, (await world.checkpointerOf(part, []).make(signal())).note);
  }
  let known = 0n;
  const witness = new HttpWitness(world.urls[0] ?? '', { timeoutMs: boundMs });
  for (let round = 0; round < 8; round += 1) {
    const sizes = Array.from({ length: 5 }, (_, n) => Number(known) + 1 + n);
    const answers = await Promise.all(
      sizes.map(async (second) => {
        const proof = await consistencyProof(
          world.store,
          { first: Number(known), second },
          signal(),
        );
        return witness.addCheckpoint(
          { oldSize: known, proof, note: notes.get(second) ?? '' },
          signal(),
        );
      }),
    );
    assert.equal(answers.filter(({ kind }) => kind === 'cosigned').length, 1);
    const now = world.stores[0]?.log(world.origin)?.size ?? 0n;
    assert.ok(now > known);
    known = now;
  }
  const root = leafHash(Buffer.alloc(0));
  assert.equal(
    world.stores[0]?.advance({ origin: world.origin, size: 1n, root }, known + 1n),
    false,
  );
  assert.throws(
    () => world.stores[0]?.advance({ origin: world.origin, size: 1n, root }, known),
    /never shrinks/,
  );
});

test('what a witness knows outlives it', async () => {
  await using world = await openWorld();
  await world.growTo(5);
  await world.checkpointer.make(signal());
  using again = await WitnessStore.open(world.folders[0] ?? '');
  assert.equal(again.log(world.origin)?.size, 5n);
  assert.equal(again.log(world.origin)?.keys.length, 2);
});

const REQUESTS: readonly (readonly [
  name: string,
  change: (body: string) => string,
  want: number,
])[] = [
  ['an unknown log', (body) => body.replace('\n\ntidegate.dev', '\n\nother.dev'), 404],
  [
    'no trusted signature',
    (body) => body.replaceAll('\u2014 tidegate.dev', '\u2014 tidegate.net'),
    403,
  ],
  [
    'a changed root',
    (body) =>
      body.replace(
        /\n(.{43}=\n\n\u2014)/,
        (_, at: string) => `\n${at.startsWith('A') ? 'B' : 'A'}${at.slice(1)}`,
      ),
    403,
  ],
  ['an old size above its own', (body) => body.replace('old 0', 'old 99'), 400],
  ['another old size', (body) => body.replace('old 0', 'old 2'), 409],
  [
    'a proof where none is due',
    (body) => body.replace('old 0\n', `old 0\n${'A'.repeat(43)}=\n`),
    422,
  ],
  ['a leading zero', (body) => body.replace('old 0', 'old 00'), 400],
  ['no note', (body) => body.slice(0, 6), 400],
  ['too much', (body) => `${body}${' '.repeat(300_000)}`, 413],
];

for (const [name, change, want] of REQUESTS) {
  test(`a request with ${name} is answered ${want}`, async () => {
    await using world = await openWorld();
    await world.growTo(3);
    const { note } = await world.checkpointerOf(world.store, []).make(signal());
    const body = change(`old 0\n\n${note}`);
    const response = await fetch(`${world.urls[0]}/add-checkpoint`, { method: 'POST', body });
    assert.equal(response.status, want, await response.text());
    assert.equal(world.stores[0]?.log(world.origin)?.size, 0n);
  });
}

const BAD_WITNESSES: readonly (readonly [name: string, listener: RequestListener, what: RegExp])[] =
  [
    ['that never answers', () => undefined, /did not answer in time/],
    ['that is broken', (_, response) => response.writeHead(500).end(), /status 500/],
    ['that sends no signature', (_, response) => response.end('nonsense\n'), /not a signature/],
    [
      'that sends too much',
      (_, response) => response.end('x'.repeat(100_000)),
      /more than 65536 bytes/,
    ],
    [
      'that sends a line of another key',
      (_, response) => response.end(`\u2014 x ${Buffer.alloc(80).toString('base64')}\n`),
      /without a cosignature/,
    ],
    [
      'that knows no end of sizes',
      (_, response) => response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('1\n'),
      /changed the size it knows/,
    ],
    ['that redirects', (_, response) => response.writeHead(302, { location: '/' }).end(), /.+/],
  ];

for (const [name, listener, what] of BAD_WITNESSES) {
  test(`a witness ${name} leaves the checkpoint without a quorum, and says why`, async () => {
    await using world = await openWorld();
    await world.growTo(3);
    await using bad = await serving(listener);
    const [trusted] = world.policy.witnesses;
    const isLate = what.source.includes('in time');
    assert.ok(trusted !== undefined);
    const witness = new HttpWitness(bad.url, { timeoutMs: isLate ? 300 : boundMs });
    const made = await world
      .checkpointerOf(world.store, [new Witnessing(trusted, witness, world.store)])
      .make(signal());
    assert.equal(made.isQuorum, false);
    assert.match(made.problem ?? '', what);
    const [kept] = await world.store.checkpoints(3, signal());
    assert.ok(kept !== undefined, 'the checkpoint itself is kept');
  });
}

test('a witness that is not there is an error worth another try', async () => {
  const gone = new HttpWitness('http://127.0.0.1:1', { timeoutMs: boundMs });
  await assert.rejects(
    gone.addCheckpoint({ oldSize: 0n, proof: [], note: '' }, signal()),
    (error) => error instanceof WitnessError && error.code === 'unreachable' && error.retryable,
  );
});

async function openWorld() {
  const resources = new AsyncDisposableStack();
  const store = new MemoryLedgerStore();
  await grow(store, 1);
  const clock = new SystemClock({ notBeforeMs: 0 });
  const logFolder = await temporaryFolder(resources);
  const signers = await openLogNoteSigners(logFolder);
  const [first] = await Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal()));
  const origin = originOf(first?.leafHash ?? '');
  const logLines = logPolicyLines(origin, signers);
  const folders: string[] = [];
  const stores: WitnessStore[] = [];
  const urls: string[] = [];
  const servers: Server[] = [];
  const witnessLines: string[] = [];
  for (const name of ['one', 'two']) {
    const folder = await temporaryFolder(resources);
    const witnessStore = resources.use(await WitnessStore.open(folder));
    for (const line of logLines) witnessStore.addKey(line.slice('log '.length));
    const signer = await openNoteSigner(folder, 'key.pem', 'cosignature-ml-dsa-44');
    const server = witnessServer({
      name: `${name}.example`,
      store: witnessStore,
      signer,
      clock,
      log: () => undefined,
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    resources.defer(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const vkey = formatVkey(noteKey(`${name}.example`, signer.type, signer.publicKey));
    witnessLines.push(`witness ${name} ${vkey} ${url}`);
    folders.push(folder);
    stores.push(witnessStore);
    urls.push(url);
    servers.push(server);
  }
  const text = [...logLines, ...witnessLines, 'group both all one two', 'quorum both'].join('\n');
  const policy = parsePolicy(text);
  const checkpointerOf = (of: MemoryLedgerStore, witnesses?: Witnessing[]) =>
    new Checkpointer({
      store: of,
      tree: of,
      signers: () => signers,
      clock,
      quorum: witnesses?.length === 0 ? { kind: 'none' } : policy.quorum,
      witnesses:
        witnesses ??
        policy.witnesses.map(
          (each) =>
            new Witnessing(each, new HttpWitness(each.url ?? '', { timeoutMs: boundMs }), of),
        ),
      onProblem: () => undefined,
    });
  return {
    store,
    origin,
    policy,
    folders,
    stores,
    urls,
    servers,
    checkpointer: checkpointerOf(store),
    checkpointerOf,
    growTo: (size: number) => grow(store, size),
    forkedAt: async (size: number) => {
      const fork = new MemoryLedgerStore();
      await grow(fork, size);
      return fork;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Entry n has the same bytes in every ledger of the same kind. */
async function grow(store: MemoryLedgerStore, toSize: number, kind = 'entry'): Promise<void> {
  const { size } = await store.head(signal());
  const entries = Array.from({ length: toSize - size }, (_, n) => {
    const leaf = Buffer.from(`${kind} ${size + n}`);
    return { stream: 's', leaf, leafHash: hexOfHash(leafHash(leaf)) };
  });
  if (entries.length > 0) await store.append({ expectedSize: size, entries, blobs: [] }, signal());
}

async function serving(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function temporaryFolder(resources: AsyncDisposableStack): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-witness-'));
  resources.defer(() => rm(path, { recursive: true, force: true }));
  return path;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(2 * boundMs);
}
