/** Signed approvals by the real command line: two people with keys of their own, a crash between, an override. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { release } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

const roles = '{ sre: 1, owner: 1 }';
const steps = [`{ weight: 5%, gate: false, approvals: { roles: ${roles} } }`, '100%'];

describe('signed approvals', () => {
  let world: World;
  const keyOf = (person: string): string => join(world.folder, `${person}.key.json`);

  before(async () => {
    world = await startWorld();
    await world.applyAndWait(release({ name: 'pay', version: 'v1' }));
    for (const [person, role] of [
      ['ana', 'sre'],
      ['ben', 'owner'],
    ] as const) {
      const { stdout } = await world.must('key', 'new', '--person', person, '--key', keyOf(person));
      const file = await world.write(stdout, `${person}.enrolment.json`);
      const enrolled = await world.must('key', 'enrol', file, '--role', role);
      assert.match(
        enrolled.stdout,
        new RegExp(`^${person} is enrolled with key .*, role ${role} `),
      );
    }
  });

  after(() => world[Symbol.asyncDispose]());

  const approve = (person: string, ...more: readonly string[]) =>
    world.run(['approve', 'pay-2', '--key', keyOf(person), '--reason', 'seen', ...more]);

  test('two people sign, one before and one after a crash, and the ledger verifies', async () => {
    await world.apply(release({ name: 'pay', version: 'v2', steps, bake: '0s' }));
    await waitFor('a request for approvals', async () => {
      return (await world.must('approvals')).stdout.includes('pay-2');
    });
    const byHand = await world.run(['rollout', 'promote', 'pay']);
    assert.equal(byHand.code, 1);
    assert.match(byHand.stderr, /step 1 needs signed approvals \(1 owner and 1 sre\)/);
    const noRole = await approve('ana');
    assert.equal(noRole.code, 2, noRole.stderr);
    const wrong = await approve('ana', '--role', 'owner');
    assert.match(wrong.stderr, /ana does not have the role owner/);
    const first = await approve('ana', '--role', 'sre');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /candidate {2}pay-\w+ instead of pay-\w+/);
    assert.match(first.stdout, /^approve by ana is entry \d+: pay-2 still needs 1 owner\n$/);
    await world.killServer();
    await world.up();
    const second = await approve('ben', '--role', 'owner');
    assert.match(second.stdout, /pay-2 has all approvals it needs|pay-2 still needs/);
    assert.equal((await rolloutEnd(world, 'pay')).outcome, 'promoted');
    const sentences = (await world.events()).map((event) => event.sentence);
    const approved = /approved by ana \(sre, entry \d+\) and ben \(owner, entry \d+\)/;
    assert.ok(
      sentences.some((sentence) => approved.test(sentence)),
      sentences.join('\n'),
    );
    await world.verifyLedger();
  });

  test('an emergency goes past them, and the ledger says so', async () => {
    await world.apply(release({ name: 'pay', version: 'v3', steps, bake: '0s' }));
    await waitFor('a request for approvals', async () => {
      return (await world.must('approvals')).stdout.includes('pay-3');
    });
    const mute = await world.run(['rollout', 'promote', 'pay', '--override']);
    assert.match(mute.stderr, /an override has to say why/);
    const said = ['--override', '--reason', 'outage'];
    const past = await world.must('rollout', 'promote', 'pay', ...said);
    assert.match(past.stdout, /OVERRIDE by \S+ \("outage"\)/);
    assert.equal((await rolloutEnd(world, 'pay')).outcome, 'promoted');
    const overrides = (await world.events()).filter(({ type }) => type === 'override');
    assert.deepEqual(
      overrides.map(({ severity }) => severity),
      ['warning'],
    );
  });
});
