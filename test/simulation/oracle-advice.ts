import type { Note } from './oracle.ts';
import { type SeenRollout, type SeenService, shareOf } from './oracle-entries.ts';
import type { ServiceScenario } from './scenario.ts';
import type { Said } from './service-record.ts';

/** What goes forward by a decision that a parked candidate must not get. */
const forward = ['advance', 'widen', 'wait', 'bake', 'promoted'];
/** Probes are two for each instance and window of a second at least; the rate they are reckoned by may be off by this. */
const probesPerSecondMax = 2 * 4;
/** The least that a route can carry. */
const leastPercent = 0.1;

interface Seen {
  readonly service: SeenService;
  readonly scenario: ServiceScenario;
}

/** O14 and O15 on an entry, before it is taken over. */
export function adviceRules({ service, scenario }: Seen, said: Said, note: Note): void {
  const { open } = service;
  if (open === null || open.id !== said.rolloutId) return;
  const share = said.ordered?.get(open.candidateId) ?? 0;
  if (said.decision === 'park' && share > 0) note('O14', `${open.id} is parked with ${share} %`);
  if (said.decision === 'probe') probeRule({ service, scenario }, { open, share }, note);
  const { parkedPercent } = open;
  if (said.decision === 'unpark') {
    if (parkedPercent === null) note('O14', `${open.id} is unparked and was not parked`);
    else if (share > parkedPercent) {
      note('O14', `${open.id} gets ${share} % back, and had ${parkedPercent} %`);
    }
  }
  if (parkedPercent !== null && forward.includes(said.decision)) {
    note('O14', `${open.id} goes forward (${said.decision}) while it is parked`);
  }
  if (said.decision === 'widen' && share >= 100) note('O14', `${open.id} is widened to ${share} %`);
  if (said.decision === 'roll-back') instanceRule({ service, scenario }, { open, said }, note);
}

function probeRule(
  { service, scenario }: Seen,
  { open, share }: { readonly open: SeenRollout; readonly share: number },
  note: Note,
): void {
  const { parkedPercent } = open;
  if (parkedPercent === null) note('O14', `${open.id} is probed and was not parked`);
  const had = parkedPercent ?? shareOf(service, open.candidateId);
  if (share > had) note('O14', `${open.id} is probed with ${share} %, more than its ${had} %`);
  const instances = scenario.specs[0]?.revision.instances ?? 1;
  const perSecond = (scenario.requestsPerSecond * share) / 100;
  if (share <= leastPercent || perSecond <= probesPerSecondMax * instances) return;
  note('O14', `${open.id} is probed with ${perSecond} requests/s`);
}

/** All failures of a candidate with one bad instance are on that one, but for those that stable has as well. */
function instanceRule(
  { service, scenario }: Seen,
  { open, said }: { readonly open: SeenRollout; readonly said: Said },
  note: Note,
): void {
  const spec = scenario.specs.find((each) => each.revision.id === open.candidateId);
  const isBadOne = scenario.behaviours.get(open.candidateId)?.kind === 'bad-instance';
  const isToReplace = (spec?.plan.gate.replaceWithinMs ?? 0) > 0;
  // In a bake there is no other arm, so that nothing tells an instance from an outage.
  const isJudged = said.verdict === 'fail' && shareOf(service, open.candidateId) < 100;
  if (!isBadOne || !isToReplace || !isJudged) return;
  // Of few requests one that fails on a good instance by the base rate makes all the difference.
  if (scenario.baseRatio > 0 && scenario.requestsPerSecond < 200) return;
  const bad = `${open.candidateId}-1`;
  if (!service.replaced.has(bad)) note('O15', `${open.id} went back, and ${bad} was not replaced`);
}
