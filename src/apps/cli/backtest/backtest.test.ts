import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { exported } from '../../../control/replay/recorded-ledger.fixture.ts';
import { type Answers, runCli, startFakeServer } from '../cli.fixture.ts';

let folder = '';
let ledger: Awaited<ReturnType<typeof exported>>;

const policy = (name: string, gate: string): string =>
  `apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec: { rollout: { gate: ${gate} } }\n`;

/** What the recorded plan has. */
const sameGate = '{ falseRollback: 0.1%, falsePromotion: 5%, worseBy: 5pp, soak: 1s, atMost: 10m }';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-backtest-test-'));
  ledger = await exported();
  await writeFile(join(folder, 'ledger.jsonl'), `${ledger.lines.join('\n')}\n`);
  await writeFile(join(folder, 'ledger.jsonl.inputs'), inputsText());
  await writeFile(join(folder, 'same.yaml'), policy('same', sameGate));
  await writeFile(join(folder, 'strict.yaml'), policy('strict', '{ soak: 5s }'));
});

after(() => rm(folder, { recursive: true, force: true }));

function inputsText(): string {
  const lines = [...ledger.blobs].map(
    ([sha256, bytes]) => `${sha256} ${Buffer.from(bytes).toString('base64')}\n`,
  );
  return `tidegate-ledger-inputs/v1\n${lines.join('')}`;
}

/** A server with this ledger. */
function answers(): Answers {
  const inputs = [...ledger.blobs].map(([sha256, bytes]) => {
    const answer = { sha256, base64: Buffer.from(bytes).toString('base64') };
    return [`GET /v1/ledger/inputs/${sha256}`, () => answer] as const;
  });
  return {
    ...Object.fromEntries(inputs),
    'GET /v1/ledger/export': ({ response }) => void response.end(`${ledger.lines.join('\n')}\n`),
  };
}

function offline(name: string, ...more: readonly string[]) {
  const file = join(folder, name);
  return runCli(['backtest', '--policy', file, '--ledger', join(folder, 'ledger.jsonl'), ...more]);
}

test('a table of what was and would have been, totals, and what all that rests on', async () => {
  const { code, stdout, stderr } = await offline('same.yaml');
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^same, for every service: false rollback 0\.1 %, worse by 5 pp/);
  assert.match(stdout, /^web-2 +promoted +(\S+ s) +0 +promoted +\1 +0$/m);
  assert.match(
    stdout,
    /^web-3 +rolled back \(gate-failed\) +(\S+ m?s) +(\d+) +rolled back +\1 +\2$/m,
  );
  assert.match(stdout, /^web-1: left out, it was the first of its service/m);
  assert.match(stdout, /^Recorded: 1 promoted, 1 rolled back, of 2\.$/m);
  assert.match(stdout, /^On the 2 that both decided: .* \(as many\), /m);
  assert.match(lines.at(-2) ?? '', /shares are those of the recorded plan.*unknown\.$/);
});

test('a policy that holds is unknown from there, and data says the same', async () => {
  const { code, stdout } = await offline('strict.yaml', '--peers', '-o', 'json');
  assert.equal(code, 0);
  const report = JSON.parse(stdout);
  const [held, back] = report.rollouts;
  assert.deepEqual([held.policy.kind, held.policy.weightPercent], ['holds', 10]);
  assert.equal(back.policy.kind, 'rolled-back');
  assert.deepEqual([report.totals.policyHolds, report.totals.comparable], [1, 1]);
  assert.equal(report.assumptions.length, 4);
  const quickest = back.peers.find(({ rule }: { rule: string }) => /10 s x 1/.test(rule));
  // One sample of it was recorded: too little to tell what it would have gone on with.
  assert.deepEqual([quickest.isRolledBack, quickest.failedRequests], [null, null]);
  assert.deepEqual([report.peers[0].rolledBackToo, report.peers[0].unknown], [0, 1]);
});

test('a server is asked for the ledger, and only for what is wanted of it', async () => {
  await using server = await startFakeServer(answers());
  const argv = ['backtest', '--policy', join(folder, 'same.yaml'), '--rollout', 'web-3'];
  const ran = await runCli(argv, server);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /^web-3 +rolled back/m);
  assert.ok(!ran.stdout.includes('web-2'));
  const asked = server.calls.filter((call) => call.includes('/inputs/')).length;
  assert.ok(asked > 0 && asked < ledger.blobs.size, `${asked} of ${ledger.blobs.size}`);
});

test('verify --save --with-inputs keeps all that replay and backtest need without a server', async () => {
  await using server = await startFakeServer(answers());
  const path = join(folder, 'saved.jsonl');
  const saved = await runCli(['verify', '--save', path, '--with-inputs'], server);
  assert.equal(saved.code, 0, saved.stderr);
  assert.match(saved.stderr, /Saved \d+ inputs to .*saved\.jsonl\.inputs\./);
  assert.equal((await readFile(`${path}.inputs`, 'utf8')).length, inputsText().length);
  const nowhere = await runCli(['verify', '--save', join(folder, 'no', 'x')], server);
  assert.equal(nowhere.code, 1);
  assert.match(
    nowhere.stderr,
    /^error: cannot write .*x: ENOENT.*\n {2}help: name a file in a folder/,
  );
  const replay = await runCli(['replay', 'web-3', '--ledger', path]);
  assert.equal(replay.code, 0, replay.stderr);
  assert.match(replay.stdout, /^web-3: \d+ events .* decisions are the same, byte for byte\n$/);
  const unknown = await runCli(['replay', 'web-9', '--ledger', path]);
  assert.match(unknown.stderr, /the ledger has no rollout "web-9"/);
});

test('changed inputs and changed entries are refused', async () => {
  const changed = join(folder, 'changed.jsonl');
  const lines = ledger.lines.with(3, ledger.lines[3]?.replace('A', 'B') ?? '');
  await writeFile(changed, `${lines.join('\n')}\n`);
  await writeFile(`${changed}.inputs`, inputsText());
  const ran = await runCli([
    'backtest',
    '--policy',
    join(folder, 'same.yaml'),
    '--ledger',
    changed,
  ]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /cannot use .*changed\.jsonl: Nothing is proven: at entry 2/);

  const swapped = join(folder, 'swapped.jsonl');
  await writeFile(swapped, `${ledger.lines.join('\n')}\n`);
  const all = inputsText().trimEnd().split('\n');
  const last = all.at(-1)?.split(' ')[1] ?? '';
  const wrong = all.map((line, at) => (at === 0 ? line : `${line.slice(0, 64)} ${last}`));
  await writeFile(`${swapped}.inputs`, `${wrong.join('\n')}\n`);
  const found = await runCli([
    'backtest',
    '--policy',
    join(folder, 'same.yaml'),
    '--ledger',
    swapped,
  ]);
  assert.match(
    found.stdout,
    /^web-3: left out, the blob of its (events|state) was changed: SHA-256/m,
  );
});

interface UsageRow {
  readonly argv: readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

test('what is wrong with a back-test is said before anything is read', async () => {
  const ledgerPath = join(folder, 'ledger.jsonl');
  const same = join(folder, 'same.yaml');
  await writeFile(join(folder, 'wrong.yaml'), policy('wrong', '{ worseBy: 0.25 }'));
  await writeFile(join(folder, 'alone.jsonl'), 'x\n');
  const rows: readonly UsageRow[] = [
    { argv: [], code: 2, says: /required option '--policy <file>'/ },
    { argv: ['--policy', '/nonexistent'], code: 1, says: /no such file/ },
    {
      argv: ['--policy', join(folder, 'wrong.yaml'), '--ledger', ledgerPath],
      code: 1,
      says: /wrong\.yaml:4:\d+: error: "worseBy" must be.*\n.*\n.*\n.*did you mean "0\.25pp"/,
    },
    { argv: ['--policy', same, '--since', 'noon'], code: 2, says: /cannot read the time "noon"/ },
    {
      argv: ['--policy', same, '--ledger', ledgerPath, '--service', 'api'],
      code: 2,
      says: /no rollout to judge for "api"/,
    },
    {
      argv: ['--policy', same, '--ledger', join(folder, 'alone.jsonl')],
      code: 1,
      says: /Nothing is proven/,
    },
    { argv: ['--policy', same], code: 1, says: /no server runs/ },
  ];
  for (const { argv, code, says } of rows) {
    const ran = await runCli(['backtest', ...argv]);
    const said = `${argv.join(' ')}: ${ran.stdout}${ran.stderr}`;
    assert.equal(ran.code, code, said);
    assert.match(ran.stderr, says, said);
  }
  const lone = await runCli(['verify', '--with-inputs']);
  assert.equal(lone.code, 2);
});
