import type { Note } from './oracle.ts';
import type { SeenRollout, SeenService } from './oracle-entries.ts';
import type { ServiceScenario } from './scenario.ts';
import type { Story } from './world.ts';

/** How long a rollout may wait for each of these when nothing interferes: start timeout 15 s and slack, retries 5 s. */
/** Between two moves: a progress deadline of 20 s, or a start that is not given up on the way back. */
const rolledMaxMs = 60_000;
const stageMaxMs = { starting: 40_000, shifting: 15_000, reverting: 15_000 } as const;

/** O4, O6 and O8 on a world that has had time to settle. */
export function endRules(story: Story, services: readonly SeenService[], note: Note): void {
  const wanted = new Set<string>();
  /** Of rollouts in the middle of which somebody paused: each may have some instances, or none. */
  const free = new Set<string>();
  for (const service of services) {
    const scenario = story.scenario.services.find((each) => each.name === service.name);
    if (scenario === undefined) continue;
    const own = [service.stableId, service.open?.candidateId].filter(isThere);
    for (const id of own) (service.open?.isRolled === true ? free : wanted).add(id);
    if (service.open === null) trafficRule(story, service, note);
    else stuckRule(story, service.open, note);
    for (const rollout of service.rollouts) gateRules(story, { rollout, scenario }, note);
  }
  for (const revisionId of story.running) {
    if (!wanted.has(revisionId) && !free.has(revisionId))
      note('O4', `${revisionId} still runs and nobody wants it`);
  }
  for (const revisionId of wanted) {
    if (isStartable(story, revisionId) && !story.running.includes(revisionId)) {
      note('O4', `${revisionId} is wanted and does not run`);
    }
  }
}

function isThere(id: string | null | undefined): id is string {
  return id !== null && id !== undefined;
}

function isStartable(story: Story, revisionId: string): boolean {
  return story.scenario.services.every(
    ({ behaviours }) => behaviours.get(revisionId)?.kind !== 'unstartable',
  );
}

/** All traffic of a service at rest goes to stable, or nowhere when there is none. */
function trafficRule(story: Story, service: SeenService, note: Note): void {
  const route = story.table?.routes.find((each) => each.service === service.name);
  const shares = (route?.backends ?? []).filter((each) => each.weightPercent > 0);
  const text = shares.map((each) => `${each.revisionId} ${each.weightPercent} %`).join(', ');
  const want = service.stableId === null ? '' : `${service.stableId} 100 %`;
  if (text !== want) note('O4', `${service.name} sends to '${text}' at rest, not to '${want}'`);
  if ((route?.matches.length ?? 0) > 0) note('O4', `${service.name} has a header match at rest`);
}

function stuckRule(story: Story, rollout: SeenRollout, note: Note): void {
  const quietAtMs = story.startMs + story.scenario.quietAtMs;
  const sinceMs = Math.max(rollout.stageSinceMs, quietAtMs);
  const ageMs = story.endedAtMs - sinceMs;
  const stuck = (): void =>
    note('O6', `${rollout.id} is ${rollout.stage} for ${ageMs} ms, verdict ${rollout.verdict}`);
  switch (rollout.stage) {
    case 'rolling':
      if (!rollout.isPaused && ageMs > rolledMaxMs) stuck();
      return;
    case 'reverting':
    case 'starting':
    case 'shifting':
      // A start that is paused waits for its person when it is ready.
      if (rollout.isPaused && rollout.stage === 'starting') return;
      if (rollout.isRolled && ageMs <= rolledMaxMs) return;
      if (ageMs > stageMaxMs[rollout.stage]) stuck();
      return;
    case 'approval':
      return;
    case 'baking':
      if (!rollout.isPaused && ageMs > rollout.bakeMs + 15_000) stuck();
      return;
    case 'parked':
    case 'judging':
    case 'waiting':
      if (rollout.isHeld) return;
      // Entries about progress come every few seconds, so the newest verdict is what holds the rollout.
      if (!rollout.isPaused && rollout.verdict !== 'undecided' && ageMs > 40_000) stuck();
  }
}

function gateRules(
  story: Story,
  seen: { readonly rollout: SeenRollout; readonly scenario: ServiceScenario },
  note: Note,
): void {
  const { rollout, scenario } = seen;
  const behaviour = scenario.behaviours.get(rollout.candidateId);
  const isDead = behaviour?.kind === 'failing' && behaviour.ratio === 1 && behaviour.afterMs === 0;
  const isJudged =
    rollout.stableId !== null && rollout.gatedPercents.length > 0 && !rollout.isPushedByHand;
  const isWorse = isStableHealthy(rollout, scenario);
  if (isDead && isJudged && isWorse && rollout.outcome === 'promoted') {
    note('O8', `${rollout.id} promoted ${rollout.candidateId}, which fails every request`);
  }
  if (!isJudged || rollout.isTouchedByHand || rollout.isPaused) return;
  const isEasy =
    behaviour?.kind === 'healthy' &&
    scenario.requestsPerSecond >= 500 &&
    scenario.incidents === null;
  const quietAtMs = story.startMs + story.scenario.quietAtMs;
  const ageMs = story.endedAtMs - Math.max(quietAtMs, rollout.stageSinceMs);
  if (!isEasy || rollout.outcome !== null || rollout.stage === 'approval') return;
  if (isWorse && rollout.weightPercent >= 5 && ageMs > 90_000) {
    note('O6', `${rollout.id} is healthy and not promoted after ${ageMs} ms`);
  }
}

function isStableHealthy(rollout: SeenRollout, scenario: ServiceScenario): boolean {
  const kind = scenario.behaviours.get(rollout.stableId ?? '')?.kind;
  return kind === 'healthy' || kind === 'slow-start';
}

/** Whether a rollout of a candidate no worse than stable was thrown back by the gate: alpha bounds how often. */
export function gateThrewBackHealthy(story: Story, rollout: SeenRollout): boolean | null {
  const scenario = story.scenario.services.find((each) => each.name === rollout.service);
  const kind = scenario?.behaviours.get(rollout.candidateId)?.kind;
  if (rollout.stableId === null || (kind !== 'healthy' && kind !== 'slow-start')) return null;
  return rollout.hasFailedGate;
}
