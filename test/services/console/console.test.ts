/** The console's fifteen properties, each a test that names it, in Chromium, against rollouts of real processes. */
import { after, before, describe } from 'node:test';
import { ConsoleStage } from './console-stage.fixture.ts';
import { testOutage } from './outage-properties.fixture.ts';
import { testReach } from './reach-properties.fixture.ts';
import { testRollouts } from './rollout-properties.fixture.ts';
import { testTable } from './table-properties.fixture.ts';

describe('the console', () => {
  let stage: ConsoleStage;

  before(async () => {
    stage = await ConsoleStage.open();
    await stage.set();
  });

  after(() => stage[Symbol.asyncDispose]());

  const stageOf = () => stage;
  testTable(stageOf);
  testRollouts(stageOf);
  testReach(stageOf);
  testOutage(stageOf);
});
