/** Bad input through the real command line: the exact message with file, line and column, the exit code, nothing done. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { release } from './release.fixture.ts';
import { startWorld, type World } from './world.fixture.ts';

const good = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: pay }
spec:
  run: { command: [node, payments.js] }
`;

function withLine(line: string): string {
  return `${good}  ${line}\n`;
}

function depending(name: string, on: string): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: ${name} }
spec: { run: { command: [node, a.js] }, dependsOn: [${on}] }
`;
}

interface Refusal {
  readonly what: string;
  readonly text: string;
  /** Where it is, after the file's name. */
  readonly at: string;
  readonly message: string | RegExp;
  readonly help?: string;
}

const refusals: readonly Refusal[] = [
  {
    what: 'an unknown key, with the nearest known one',
    text: withLine('helth: { ready: /readyz }'),
    at: '6:3',
    message: 'unknown key "helth"',
    help: 'did you mean "health"?',
  },
  {
    what: 'a duration without a unit',
    text: withLine('traffic: { timeout: 30 }'),
    at: '6:23',
    message: '"timeout" must be a duration such as 15s, not 30',
    help: 'did you mean "30s"?',
  },
  {
    what: 'a duration with a wrong unit',
    text: withLine('rollout: { bake: 5x }'),
    at: '6:20',
    message: '"bake" must be a duration such as 5m, not "5x"',
    help: 'units are h, m, s and ms',
  },
  {
    what: 'a weight without a unit',
    text: withLine('rollout: { steps: [10, 100%] }'),
    at: '6:22',
    message: 'item 1 of "steps" must be a percentage such as 5%, not 10',
    help: 'did you mean "10%"?',
  },
  {
    what: 'a cycle, which is shown',
    text: [depending('a', 'b'), depending('b', 'c'), depending('c', 'a')].join('---\n'),
    at: '4:53',
    message: 'services depend on each other: a -> b -> c -> a',
    help: 'take one of these dependencies out',
  },
  {
    what: 'a dependence on a service that nobody knows',
    text: depending('a', 'nobody'),
    at: '4:53',
    message: 'service a depends on nobody, which is neither in these files nor applied',
    help: 'apply it together with this one',
  },
  {
    what: 'a service without a command',
    text: good.replace('{ command: [node, payments.js] }', '{}'),
    at: '5:3',
    message: '"run" has no "command"',
  },
  {
    what: 'an empty command',
    text: good.replace('[node, payments.js]', '[]'),
    at: '5:19',
    message: '"command" must have at least one item',
  },
  {
    what: 'a command whose program is not there',
    text: good.replace('node,', 'no-such-program,'),
    at: '5:20',
    message: /^cannot find the program "no-such-program" in PATH \(.*\)$/,
  },
  {
    what: 'a working folder that is not there',
    text: good.replace('payments.js]', 'payments.js], workingDirectory: nowhere'),
    at: '5:58',
    message: /^cannot start in .*\/nowhere: there is no such folder$/,
  },
  {
    what: 'two documents for one service',
    text: `${good}---\n${good}`,
    at: '9:19',
    message: /^service "pay" is declared twice, first at .*:3:19$/,
  },
  {
    what: 'two services of one host',
    text: `${good}---\n${withLine('traffic: { host: pay.localhost }').replace('name: pay', 'name: other')}`,
    at: '12:20',
    message: /^host "pay.localhost" of service "other" is the host of "pay" at /,
  },
  {
    what: 'a key given twice',
    text: `${withLine('port: 8080')}  port: 8081\n`,
    at: '7:3',
    message: 'key "port" stands twice; first on line 6',
  },
  {
    what: 'an alias bomb',
    text: aliasBomb(),
    at: '5:14',
    message: 'the document holds more than 10000 values with its aliases expanded',
  },
  {
    what: 'a list that is never closed',
    text: 'a: [b\n',
    at: '2:1',
    message: 'a list or mapping in brackets is not closed before this by ]',
  },
  {
    what: 'an empty file',
    text: '',
    at: '1:1',
    message: 'the file is empty',
    help: 'a document begins with "apiVersion: tidegate.dev/v1"',
  },
  {
    what: 'a kind that is not known',
    text: good.replace('kind: Service', 'kind: Gizmo'),
    at: '2:7',
    message: 'unknown kind "Gizmo"',
    help: 'supported is Service',
  },
];

/** Nine aliases to each of nine levels: 9^9 values when expanded. */
function aliasBomb(): string {
  const nine = (text: string): string => Array.from({ length: 9 }, () => text).join(',');
  const lines = Array.from({ length: 9 }, (_, level) =>
    level === 0 ? `a0: &a0 [${nine('x')}]` : `a${level}: &a${level} [${nine(`*a${level - 1}`)}]`,
  );
  return `${lines.join('\n')}\n`;
}

describe('apply refuses', { concurrency: 2 }, () => {
  let world: World;
  let entriesBefore: number;

  before(async () => {
    world = await startWorld();
    entriesBefore = (await world.status()).ledger.entries;
  });

  after(async () => {
    await using ended = world;
    const { entries } = (await ended.status()).ledger;
    assert.equal(entries, entriesBefore, 'nothing was recorded');
  });

  for (const [index, refusal] of refusals.entries()) {
    test(refusal.what, async () => {
      const name = `bad-${index}.yaml`;
      await world.write(refusal.text, name);
      const ran = await world.run(['apply', '-f', name]);
      assert.deepEqual([ran.code, ran.stdout], [1, ''], ran.stderr);
      const lines = ran.stderr.trimEnd().split('\n');
      assert.equal(lines[0], 'error: 1 problem in the release files; nothing was applied');
      const [, place, message = ''] =
        /^(.*?:\d+:\d+): error: (.*)$/.exec(lines[1] ?? '') ?? assert.fail(ran.stderr);
      assert.equal(place, `${name}:${refusal.at}`, ran.stderr);
      if (typeof refusal.message === 'string') assert.equal(message, refusal.message);
      else assert.match(message, refusal.message);
      checkMark(lines, refusal);
      const help = /^ {2}help: (.*)$/.exec(lines.at(-1) ?? '')?.[1];
      assert.equal(help, refusal.help);
    });
  }

  test('a file over 1 MiB, before it is sent', async () => {
    await world.write(`${good}#${'x'.repeat(1024 * 1024)}\n`, 'big.yaml');
    const ran = await world.run(['apply', '-f', 'big.yaml']);
    assert.equal(ran.code, 2);
    assert.match(ran.stderr, /^error: cannot take .*\/big\.yaml: it is over 1 MiB\n {2}help: /);
  });

  test('all files when one of them is bad', async () => {
    await world.write(release({ version: 'v1', name: 'fine' }), 'mixed/a.yaml');
    await world.write(withLine('helth: {}').replace('name: pay', 'name: bad'), 'mixed/b.yaml');
    const ran = await world.run(['apply', '-f', 'mixed']);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /mixed\/b\.yaml:6:3: error: unknown key "helth"/);
    assert.equal((await world.run(['get', 'services'])).stderr, 'No service found.\n');
  });

  test('what comes by standard input, by its own name', async () => {
    const ran = await world.run(['apply', '-f', '-'], { input: withLine('helth: {}') });
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /\nstdin\.yaml:6:3: error: unknown key "helth"\n/);
  });

  test('in a diff with exit code 2, which is neither the same nor different', async () => {
    await world.write(withLine('helth: {}'), 'diff.yaml');
    const ran = await world.run(['diff', '-f', 'diff.yaml']);
    assert.equal(ran.code, 2, ran.stderr);
    assert.match(ran.stderr, /diff\.yaml:6:3: error: unknown key "helth"/);
  });

  test('a wrong command line, with exit code 2', async () => {
    const rows: readonly (readonly [command: readonly string[], said: RegExp])[] = [
      [['aply'], /^error: unknown command 'aply'\n\(Did you mean apply\?\)\n/],
      [['apply'], /^error: required option '-f, --file <path>' not specified\n/],
      [['apply', '-f', 'x', '--timeout', '5'], /cannot read the duration "5"/],
      [['get', 'gizmos'], /^error: .*'gizmos' is invalid/],
    ];
    for (const [command, said] of rows) {
      const ran = await world.run(command);
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.stderr, said);
    }
  });
});

/** The line itself is shown with a mark right under the column. */
function checkMark(lines: readonly string[], { text, at }: Refusal): void {
  const [line = 0, column = 0] = at.split(':').map(Number);
  const source = text.split('\n')[line - 1] ?? '';
  if (source === '') return;
  const gutter = `  ${line} │ `;
  assert.equal(lines[2], `${gutter}${source}`);
  assert.equal(lines[3], `  ${' '.repeat(String(line).length)} │ ${' '.repeat(column - 1)}^`);
}
