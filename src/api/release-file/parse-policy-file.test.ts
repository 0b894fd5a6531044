import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exampleFile } from './example-file.ts';
import { parsePolicyFile } from './parse-policy-file.ts';

const head = 'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: { name: strict }\n';

function read(text: string) {
  return parsePolicyFile({ path: 'policy.yaml', text });
}

test('a release file is a policy for each of its services', () => {
  const { policies, problems } = read(exampleFile);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    policies.map(({ name, service, objectives }) => [name, service, objectives?.length]),
    [['checkout', 'checkout', 2]],
  );
  assert.equal(policies[0]?.gate.worseByRatio, 0.0025);
});

test('a policy is for every service; what it leaves out is the default, or as recorded', () => {
  const { policies } = read(`${head}spec: { rollout: { gate: { worseBy: 1pp } } }\n`);
  const [policy] = policies;
  assert.deepEqual([policy?.service, policy?.objectives], [null, null]);
  assert.deepEqual([policy?.gate.worseByRatio, policy?.gate.falseRollbackRatio], [0.01, 0.001]);
  const own = read(`${head}spec: { objectives: [{ name: fast, p95: 200ms }] }\n`).policies[0];
  assert.equal(own?.objectives?.length, 1);
});

test('problems have their place', () => {
  const rows: readonly [string, RegExp][] = [
    [`${head}spec: { rollout: { gate: { worsBy: 1pp } } }\n`, /^4:28 .*unknown key "worsBy"/],
    [`${head}spec: {}\n---\n${exampleFile}`, /^6:1 a file with a document of kind Policy/],
    ['kind: [', /^\d+:\d+ /],
    ['', /^1:1 the file is empty/],
    ['apiVersion: tidegate.dev/v1\nkind: Polcy\n', /^2:7 unknown kind "Polcy"/],
  ];
  for (const [text, says] of rows) {
    const { policies, problems } = read(text);
    assert.deepEqual(policies, []);
    const [first] = problems;
    assert.match(`${first?.line}:${first?.column} ${first?.message}`, says, text);
  }
});
