import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { type Answers, mainPath, runCli, sendProblem, startFakeServer } from './cli.fixture.ts';
import {
  event,
  movingService,
  rollout,
  serverStatus,
  stableService,
  summary,
} from './wire-samples.fixture.ts';

interface UsageRow {
  readonly argv: readonly string[];
  readonly code: number;
  readonly says: RegExp;
}

/** Without a server: what is decided before anything is asked. */
const usageRows: readonly UsageRow[] = [
  { argv: [], code: 0, says: /^Usage: tidegate/ },
  { argv: ['--help'], code: 0, says: /First steps:/ },
  { argv: ['--version'], code: 0, says: /^\d+\.\d+\.\d+\n$/ },
  { argv: ['help', 'apply'], code: 0, says: /Examples:\n {2}tidegate apply -f/ },
  { argv: ['rollout', 'promote', '--help'], code: 0, says: /--full/ },
  { argv: ['aply'], code: 2, says: /unknown command 'aply'\n\(Did you mean apply\?\)/ },
  {
    argv: ['rollout', 'stats'],
    code: 2,
    says: /Did you mean status\?\)\nTry: tidegate rollout --help/,
  },
  { argv: ['status', '--wtach'], code: 2, says: /--watch\?\)\nTry: tidegate status --help/ },
  { argv: ['rollout', 'undo'], code: 2, says: /\nTry: tidegate rollout undo --help/ },
  { argv: ['rollout'], code: 2, says: /Usage: tidegate rollout/ },
  { argv: ['apply'], code: 2, says: /required option '-f, --file <path>'/ },
  { argv: ['apply', '-f'], code: 2, says: /argument missing/ },
  { argv: ['get', 'pods'], code: 2, says: /Allowed choices are services/ },
  { argv: ['get', 'services', '-o', 'xml'], code: 2, says: /Allowed choices are json, yaml/ },
  { argv: ['describe'], code: 2, says: /missing required argument 'service'/ },
  { argv: ['describe', 'one', 'two'], code: 2, says: /too many arguments/ },
  { argv: ['down', '--timeout', '10'], code: 2, says: /cannot read the duration "10"/ },
  { argv: ['down', '--timeout', '0s'], code: 2, says: /cannot read the duration "0s"/ },
  { argv: ['estimate', '-f', 'x', '--base-errors', '2'], code: 2, says: /the ratio "2"/ },
  { argv: ['logs', 'a', '--tail', '-1'], code: 2, says: /the count "-1"/ },
  { argv: ['load'], code: 2, says: /either a URL or --service/ },
  { argv: ['load', 'ftp://x'], code: 2, says: /must be a URL that starts with http/ },
  { argv: ['load', 'http://127.0.0.1:1', '--connections', '0'], code: 2, says: /connections 0/ },
  { argv: ['verify', 'a', '--save', 'b'], code: 2, says: /leave out --save/ },
  { argv: ['verify', '/nonexistent'], code: 1, says: /cannot read \/nonexistent: no such file$/m },
  { argv: ['apply', '-f', '/nonexistent'], code: 1, says: /no such file or folder/ },
  { argv: ['diff', '-f', '/nonexistent'], code: 2, says: /no such file or folder/ },
  { argv: ['get', 'services'], code: 1, says: /no server runs for \/nonexistent\/tidegate/ },
  { argv: ['get', 'services'], code: 1, says: /start it: tidegate up/ },
  { argv: ['down'], code: 0, says: /No server runs/ },
  { argv: ['version'], code: 0, says: /server does not run/ },
];

test('the command line says what is wrong with it, with the exit code of the table', async () => {
  // Two at a time: each waits for its own process only.
  const left = [...usageRows];
  const checkSome = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) await checkUsage(row);
  };
  await Promise.all([checkSome(), checkSome()]);
});

async function checkUsage(row: UsageRow): Promise<void> {
  const ran = await runCli(row.argv);
  const said = `tidegate ${row.argv.join(' ')}\n${ran.stdout}${ran.stderr}`;
  assert.equal(ran.code, row.code, said);
  assert.match(ran.stdout + ran.stderr, row.says, said);
  // Data and asked-for help go to standard output, talk to standard error.
  if (row.code === 2) assert.equal(ran.stdout, '', said);
}

const services: Answers = {
  'GET /v1/services': () => ({ items: [movingService('checkout'), stableService('payments')] }),
  'GET /v1/services/checkout': () => movingService('checkout'),
  'GET /v1/services/checkout/rollouts': () => ({ items: [] }),
  'GET /v1/services/payments/rollouts': () => ({ items: [summary('payments', 'promoted')] }),
  'GET /v1/status': () => serverStatus,
  'GET /v1/events': () => ({ items: [event(0, null), event(1, 'checkout')] }),
};

test('get prints names, tables without headers, and data that parses', async () => {
  await using server = await startFakeServer(services);
  const names = await runCli(['get', 'svc', '-o', 'name'], server);
  assert.equal(names.stdout, 'service/checkout\nservice/payments\n');
  const rows = await runCli(['get', 'services', '--no-headers'], server);
  assert.match(rows.stdout, /^checkout {2}Progressing {2}v1 \(1111111111\) {2}v2 \(2222222222\)/);
  const one = await runCli(['get', 'services', 'payments', '-o', 'json'], server);
  assert.deepEqual(JSON.parse(one.stdout), stableService('payments'));
  const all = await runCli(['get', 'rollouts', '-o', 'json'], server);
  const { kind, items } = JSON.parse(all.stdout);
  assert.equal(kind, 'List');
  assert.deepEqual(items.map(({ id }: { id: string }) => id).toSorted(), [
    'checkout-2',
    'payments-2',
  ]);
  const yaml = await runCli(['get', 'services', 'payments', '-o', 'yaml'], server);
  assert.match(yaml.stdout, /^apiVersion: tidegate.dev\/v1\nkind: Service\n/);
  const none = await runCli(['get', 'services', 'paymint'], server);
  assert.equal(none.code, 1);
  assert.match(
    none.stderr,
    /no service is named "paymint"\n {2}help: there are: checkout, payments/,
  );
});

test('colours come when forced and go when refused', async () => {
  await using server = await startFakeServer(services);
  const rows: readonly [Readonly<Record<string, string>>, readonly string[], boolean][] = [
    [{}, [], false],
    [{ FORCE_COLOR: '1' }, [], true],
    [{ FORCE_COLOR: '0' }, [], false],
    [{ FORCE_COLOR: '1', TERM: 'dumb' }, [], true],
    [{ FORCE_COLOR: '1' }, ['--no-color'], false],
  ];
  for (const [env, more, isColored] of rows) {
    const ran = await runCli(['get', 'services', ...more], { ...server, env });
    assert.equal(ran.stdout.includes('\u001B['), isColored, JSON.stringify([env, more]));
  }
});

test('apply sends absolute paths, who and why, and --wait follows the rollout it started', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-apply-'));
  const bodies: unknown[] = [];
  const result = {
    service: 'checkout',
    outcome: 'started',
    rolloutId: 'checkout-2',
    revisionId: 'checkout-2222222222',
    sentence: 'checkout-2 started',
    diff: ['- a', '+ b'],
  };
  await using server = await startFakeServer({
    'POST /v1/apply': ({ body }) => {
      bodies.push(body);
      return { results: [result] };
    },
    // Another rollout has begun meanwhile: the one waited for is in the history only.
    'GET /v1/services/checkout': () => movingService('checkout', { id: 'checkout-3' }),
    'GET /v1/services/checkout/rollouts': () => ({ items: [summary('checkout', 'rolled-back')] }),
  });
  try {
    await writeFile(join(folder, 'b.yaml'), 'b');
    await writeFile(join(folder, 'a.yml'), 'a');
    await writeFile(join(folder, 'notes.txt'), 'n');
    const ran = await runCli(['apply', '-f', folder, '--wait', '--reason', 'why'], server);
    assert.equal(ran.code, 1, ran.stderr);
    assert.equal(ran.stdout, 'service/checkout started: checkout-2 started\ncheckout: too many\n');
    const sent = bodies[0];
    assert.ok(sent !== null && typeof sent === 'object' && 'files' in sent && 'why' in sent);
    assert.deepEqual(sent.files, [
      { path: join(folder, 'a.yml'), text: 'a' },
      { path: join(folder, 'b.yaml'), text: 'b' },
    ]);
    assert.equal(sent.why, 'why');
    const dry = await runCli(['apply', '-f', '-', '--dry-run'], { ...server, stdin: 'x' });
    assert.match(dry.stdout, /started \(dry run\): checkout-2 started\n {2}- a\n {2}\+ b\n$/);
    assert.equal(dry.code, 0);
    const diff = await runCli(['diff', '-f', folder], server);
    assert.deepEqual([diff.code, diff.stdout], [1, '- a\n+ b\n']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('apply --wait of what is applied already does not fail for an old rollback', async () => {
  const unchanged = { service: 'checkout', outcome: 'unchanged', sentence: 'unchanged', diff: [] };
  const rows: readonly [ReturnType<typeof movingService>, number][] = [
    [movingService('checkout', { phase: 'rolled-back' }), 0],
    [movingService('checkout', { phase: 'waiting', isWaitingForPerson: true }), 4],
  ];
  for (const [service, code] of rows) {
    await using server = await startFakeServer({
      'POST /v1/apply': () => ({
        results: [{ ...unchanged, rolloutId: 'checkout-2', revisionId: 'checkout-1' }],
      }),
      'GET /v1/services/checkout': () => service,
    });
    const ran = await runCli(['apply', '-f', '-', '--wait'], { ...server, stdin: 'x' });
    assert.equal(ran.code, code, ran.stdout + ran.stderr);
  }
});

test('diff ends with 0 when nothing differs', async () => {
  const same = { service: 'a', outcome: 'unchanged', rolloutId: null, revisionId: 'a-1' };
  await using server = await startFakeServer({
    'POST /v1/apply': () => ({ results: [{ ...same, sentence: 'unchanged', diff: [] }] }),
  });
  const ran = await runCli(['diff', '-f', '-'], { ...server, stdin: 'x' });
  assert.deepEqual([ran.code, ran.stdout], [0, '']);
});

test('problems of release files are shown with place, line, mark and hint', async () => {
  await using server = await startFakeServer({
    'POST /v1/apply': ({ response }) => {
      const problem = {
        path: join(process.cwd(), 'release.yaml'),
        line: 3,
        column: 5,
        message: 'unknown key "comand"',
        hint: 'did you mean "command"?',
        sourceLine: '    comand: [node]',
      };
      sendProblem(response, 422, '1 problem in the release files; nothing was applied', [problem]);
    },
  });
  const ran = await runCli(['apply', '-f', '-'], { ...server, stdin: 'x' });
  assert.equal(ran.code, 1);
  assert.equal(
    ran.stderr,
    [
      'error: 1 problem in the release files; nothing was applied',
      'release.yaml:3:5: error: unknown key "comand"',
      '  3 |     comand: [node]',
      '    |     ^',
      '  help: did you mean "command"?',
      '',
    ].join('\n'),
  );
});

test('actions carry the verb, and a refusal says why', async () => {
  const bodies: unknown[] = [];
  await using server = await startFakeServer({
    'POST /v1/services/checkout/actions': ({ body, response }) => {
      bodies.push(body);
      if (bodies.length > 4) sendProblem(response, 409, 'no rollout is under way');
      return { outcome: 'done', sentence: 'done' };
    },
  });
  const rows: readonly (readonly string[])[] = [
    ['rollout', 'promote', 'checkout', '--full'],
    ['rollout', 'undo', 'checkout', '--to', 'v1'],
    ['delete', 'checkout', '--reason', 'moved'],
    ['rollout', 'pause', 'checkout'],
  ];
  for (const argv of rows) assert.equal((await runCli(argv, server)).code, 0);
  assert.deepEqual(
    bodies.map((body) => Object.values(Object(body)).filter((_, index) => index !== 2)),
    [
      ['promote-full', null, null],
      ['undo', 'v1', null],
      ['delete', null, 'moved'],
      ['pause', null, null],
    ],
  );
  const refused = await runCli(['rollout', 'resume', 'checkout'], server);
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, 'error: no rollout is under way\n');
});

test('a wrong token is told from a server that is away', async () => {
  await using server = await startFakeServer(services);
  await writeFile(join(server.stateFolder, 'token'), 'another');
  const wrong = await runCli(['get', 'services'], server);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /the token in .* is not this server's/);
  await server.goAway();
  const away = await runCli(['get', 'services'], server);
  assert.equal(away.code, 1);
  assert.match(away.stderr, /does not answer at http.*ECONNREFUSED\n {2}help: start it again/);
});

test('events --follow goes on after the last event when the server was away', async () => {
  await using server = await startFakeServer({
    'GET /v1/events': ({ url, response }) => {
      const from = Number(url.searchParams.get('from') ?? 0);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const data = JSON.stringify(event(from, 'checkout'));
      // Ends after each event, as a server that is stopped would.
      response.end(`: hello\n\nid: ${from}\ndata: ${data}\n\n`);
    },
  });
  const ran = await runCli(['events', '-f'], {
    ...server,
    onOutput: (stdout, kill) => stdout.includes('what happened at 2') && kill('SIGINT'),
  });
  assert.equal(ran.code, 130, ran.stderr);
  assert.deepEqual(
    ran.stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 2).trim()),
    ['0', '1', '2'],
  );
});

test('events say that there are none, so that a mistyped name shows', async () => {
  await using server = await startFakeServer({ 'GET /v1/events': () => ({ items: [] }) });
  const { code, stderr } = await runCli(['events', 'chekout', '--from', '9'], server);
  assert.deepEqual([code, stderr], [0, 'No entry about chekout from 9 on.\n']);
});

test('logs print what instances said, and a reader that has enough is no failure', async () => {
  const line = JSON.stringify({ instanceId: 'checkout-1', stream: 'stdout', text: 'hello' });
  await using server = await startFakeServer({
    'GET /v1/logs': ({ url, response }) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${line}\n`);
      if (url.searchParams.get('follow') !== 'true') response.end();
      else {
        const timer = setInterval(() => response.write(`${line}\n`), 20);
        response.on('close', () => clearInterval(timer));
      }
    },
  });
  const ran = await runCli(['logs', 'checkout', '--tail', '5'], server);
  assert.equal(ran.stdout, '[checkout-1] hello\n');
  const one = await runCli(['logs', 'checkout', '--instance', 'checkout-1'], server);
  assert.equal(one.stdout, 'hello\n');
  const child = spawn(process.execPath, [mainPath, 'logs', 'checkout', '-f'], {
    env: { ...process.env, TIDEGATE_STATE: server.stateFolder },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 300_000,
  });
  child.stdout.once('data', () => child.stdout.destroy());
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  assert.deepEqual([child.exitCode, stderr], [0, '']);
});

test('status shows everything, and --watch tells changes as lines when it is no terminal', async () => {
  let asked = 0;
  await using server = await startFakeServer({
    ...services,
    'GET /v1/services': () => {
      asked += 1;
      const isOver = asked >= 3;
      const service = isOver
        ? movingService('checkout', { phase: 'promoted', sentence: 'promoted it' })
        : movingService('checkout', { sentence: `counting ${asked}` });
      return { items: [service] };
    },
  });
  const json = await runCli(['status', '-o', 'json'], server);
  assert.equal(JSON.parse(json.stdout).server.pid, serverStatus.pid);
  const watched = await runCli(['status', '--watch'], {
    ...server,
    onOutput: (stdout, kill) => stdout.includes('promoted it') && kill('SIGINT'),
  });
  assert.equal(watched.code, 130);
  assert.equal(
    watched.stdout,
    'checkout: Progressing: counting 2\ncheckout: Stable: promoted it\n',
  );
});

test('get --watch prints a row again when it changed, not when it only grew older', async () => {
  let asked = 0;
  await using server = await startFakeServer({
    'GET /v1/services': () => {
      asked += 1;
      return { items: [asked < 3 ? stableService('checkout') : movingService('checkout')] };
    },
  });
  const ran = await runCli(['get', 'services', '-w'], {
    ...server,
    onOutput: (stdout, kill) => stdout.includes('Progressing') && kill('SIGTERM'),
  });
  assert.equal(ran.code, 143);
  assert.deepEqual(
    ran.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[1]),
    ['PHASE', 'Stable', 'Progressing'],
  );
});

test('estimate and rollout history print what the server found', async () => {
  await using server = await startFakeServer({
    'POST /v1/estimate': ({ body }) => ({
      items: [
        {
          service: 'checkout',
          ...Object(body),
          sentences: ['about 1,400 requests at 10 %'],
          totalMs: 6900,
        },
      ],
    }),
    'GET /v1/services/checkout/rollouts': () => ({ items: [summary('checkout', 'rolled-back')] }),
  });
  const argv = ['estimate', '-f', '-', '--rps', '800', '--base-errors', '0.1%'];
  const estimate = await runCli(argv, { ...server, stdin: 'x' });
  assert.equal(estimate.stdout, 'checkout\n  about 1,400 requests at 10 %\n');
  const history = await runCli(['rollout', 'history', 'checkout', '-o', 'json'], server);
  assert.equal(JSON.parse(history.stdout).items[0].id, rollout('checkout').id);
});

test('verify fetches the ledger, keeps it with --save, and refuses one that is not whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-verify-test-'));
  await using server = await startFakeServer({
    'GET /v1/ledger/export': ({ response }) => {
      response.setHeader('content-type', 'application/jsonl').end('{"not":"a ledger"}\n');
    },
  });
  try {
    const path = join(folder, 'ledger.jsonl');
    const ran = await runCli(['verify', '--save', path], server);
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /^NOT verified: 0 entries\n/);
    assert.equal(await readFile(path, 'utf8'), '{"not":"a ledger"}\n');
    const offline = await runCli(['verify', path, '-o', 'json']);
    assert.equal(offline.code, 1);
    assert.equal(JSON.parse(offline.stdout).valid, false);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('load measures, and a failed threshold ends with 99', async () => {
  await using server = await startFakeServer({});
  const argv = ['load', server.url, '--rps', '50', '--duration', '600ms'];
  // The fake server answers 401 to whom it does not know: every request fails.
  const failing = await runCli([...argv, '--max-errors', '1%', '-o', 'json']);
  assert.equal(failing.code, 99, failing.stderr);
  const result = JSON.parse(failing.stdout);
  assert.equal(result.errors, result.requests);
  assert.match(result.failedThresholds[0], /100 % of the requests failed, allowed are 1 %/);
});
