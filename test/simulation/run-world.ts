import { type Finding, judgeStory, type Judgement } from './oracle.ts';
import { replayFindings } from './replay-oracle.ts';
import type { Scenario } from './scenario.ts';
import { type Break, happen, type Story } from './world.ts';

export interface WorldResult {
  readonly story: Story;
  readonly findings: readonly Finding[];
  readonly rollouts: Judgement['rollouts'];
}

/** One world and its judgement. */
export async function runWorld(scenario: Scenario, sabotage?: Break): Promise<WorldResult> {
  const story = await happen(scenario, sabotage);
  const { findings, rollouts } = judgeStory(story);
  return { story, findings: [...findings, ...(await replayFindings(story))], rollouts };
}
