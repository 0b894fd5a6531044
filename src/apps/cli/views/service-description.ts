import type { Rollout, Service } from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, paint } from '../look.ts';
import { limitFacts } from './limit-facts.ts';
import { flagFacts } from './flag-rows.ts';
import { resourceFacts } from './resource-facts.ts';
import { scalingFacts } from './scaling-facts.ts';
import { serviceTree } from './status-tree.ts';
import { tableLines } from './table.ts';
import { countText, durationText, percentText, revisionText } from './words.ts';

/** `describe SERVICE`: the tree of `status`, then what is set, then how each step of the rollout went. */
export function serviceDescription(service: Service, look: Look): string[] {
  const { spec, status } = service;
  const steps = spec.stepWeightsPercent.map(percentText).join(', ');
  const gate = Object.entries(spec.gate).map(([key, value]) => `${key} ${harmless(value)}`);
  const earlier = status.stables.filter(({ id }) => id !== status.stable?.id);
  const facts = [
    ['Host:', spec.host],
    ['Needs:', spec.dependsOn.join(', ') || 'nothing'],
    ['Revision:', `${revisionText(spec.revision)}${isThrownBack(service) ? ', rolled back' : ''}`],
    ['Command:', harmless(spec.revision.command.join(' '))],
    ['Instances:', `${spec.revision.instances}`],
    ...scalingFacts(service),
    ...resourceFacts(service),
    ...limitFacts(service),
    spec.strategy === 'canary'
      ? ['Steps:', `${steps}, then ${durationText(spec.bakeMs)} of baking`]
      : ['Strategy:', `${harmless(spec.strategy)}, then ${durationText(spec.bakeMs)} of baking`],
    ...(gate.length === 0 ? [] : [['Judged by:', gate.join(', ')]]),
    ...spec.objectives.map((each) => ['Objective:', harmless(each)]),
    ['Request timeout:', durationText(spec.requestTimeoutMs)],
    ...routingFacts(spec),
    ...policyFacts(spec),
    ...certificateFacts(service),
    ...flagFacts(service),
    ...(status.faults ?? []).map(({ id, sentence, until, by }) => [
      `Fault ${id}:`,
      `${harmless(sentence)}, until ${until}, by ${harmless(by.who)}: "${harmless(by.why)}"`,
    ]),
    ['Undo can go to:', earlier.map(revisionText).join(', ') || 'nothing yet'],
  ];
  return [
    ...serviceTree(service, look),
    '',
    ...tableLines({ heads: [], rows: facts }, true),
    ...(status.rollout === null
      ? []
      : ['', ...rolloutDescription(status.rollout, spec.objectives, look)]),
  ];
}

/** Until when each certificate in use is good; it is renewed long before. */
function certificateFacts({ status }: Service): string[][] {
  const ends = status.instances.flatMap(({ certificateEndsAt }) => certificateEndsAt ?? []);
  const [first] = ends.toSorted();
  if (first === undefined) return [];
  return [['Certificates:', `${ends.length} of instances, the first ends at ${first}`]];
}

/** `Retries: attempts 2, on connect-failure 503`. */
function policyFacts({ trafficPolicy = {} }: Service['spec']): string[][] {
  return Object.entries(trafficPolicy).map(([part, settings]) => {
    const values = Object.entries(settings).map(([key, value]) => `${key} ${harmless(value)}`);
    return [`${policyParts.get(part) ?? harmless(part)}:`, values.join(', ')];
  });
}

const policyParts: ReadonlyMap<string, string> = new Map([
  ['loadBalancing', 'Load balancing'],
  ['retries', 'Retries'],
  ['circuitBreaker', 'Circuit breaker'],
  ['outlierDetection', 'Outlier detection'],
  ['rateLimit', 'Rate limits'],
  ['jwt', 'Token'],
  ['authorization', 'Authorization'],
  ['cache', 'Cache'],
  ['mtls', 'mTLS'],
]);

function routingFacts({ rules = [], sticky, stepMatches = [] }: Service['spec']): string[][] {
  return [
    ...rules.map(({ name, matches, timeouts, retries = {}, rateLimit = {}, jwt = {} }) => {
      const limits = [
        ...Object.entries(timeouts).map(([key, value]) => `${key} ${value}`),
        ...Object.entries(retries).map(([key, value]) => `retries ${key} ${value}`),
        ...Object.entries(rateLimit).map(([key, value]) => `limit ${key} ${value}`),
        ...Object.entries(jwt).map(([key, value]) => `token ${key} ${value}`),
      ];
      const which = matches.map(harmless).join(' or ') || 'every request';
      return [`Rule ${name}:`, [which, ...limits].join(', ')];
    }),
    ...(sticky === undefined ? [] : [['Sticky by:', harmless(sticky)]]),
    ...stepMatches.map(({ weightPercent, matches }) => [
      `At ${percentText(weightPercent)} also:`,
      `${matches.map(harmless).join(' or ')} to the candidate`,
    ]),
  ];
}

/** What is set is what was applied last, also when it did not stay. */
function isThrownBack({ spec, status }: Service): boolean {
  return status.rollout?.phase === 'rolled-back' && status.rollout.to.id === spec.revision.id;
}

function rolloutDescription(rollout: Rollout, objectives: readonly string[], look: Look): string[] {
  const { who, why } = rollout.startedBy;
  const facts = [
    ['Rollout:', `${rollout.id} (${rollout.kind})`],
    ['From:', rollout.from === null ? 'nothing' : revisionText(rollout.from)],
    ['To:', revisionText(rollout.to)],
    ['Phase:', rollout.isPaused ? `${rollout.phase}, paused` : rollout.phase],
    ['Started:', `${rollout.startedAt} by ${who}${why === null ? '' : `: "${harmless(why)}"`}`],
    ...(rollout.endedAt === null ? [] : [['Ended:', rollout.endedAt]]),
    ...(rollout.shadow === undefined ? [] : [['Copies:', shadowText(rollout.shadow)]]),
    ...(rollout.alert === null
      ? []
      : [[`Alert (${rollout.alert.severity}):`, harmless(rollout.alert.sentence)]]),
    ...(rollout.cause === null ? [] : [['Cause:', harmless(rollout.cause.sentence)]]),
  ];
  const steps = rollout.steps.map((step) => [
    percentText(step.weightPercent),
    step.measuredSharePercent === null ? '-' : percentText(step.measuredSharePercent),
    armText(step.totals.candidate),
    armText(step.totals.stable),
    durationText(Date.parse(step.until) - Date.parse(step.since)),
    harmless(step.sentence),
  ]);
  const heads = ['WEIGHT', 'MEASURED', 'CANDIDATE', 'STABLE', 'TOOK', 'WHY'];
  return [
    paint(look, 'bold', 'Newest rollout'),
    ...tableLines({ heads: [], rows: facts }, true),
    ...(steps.length === 0 ? [] : ['', ...tableLines({ heads, rows: steps }, false)]),
    ...gateLines(rollout, objectives),
  ];
}

function shadowText(shadow: NonNullable<Rollout['shadow']>): string {
  const { dropped, p95Ms } = shadow;
  const slow = p95Ms === null ? '' : `, p95 ${msText(p95Ms)}`;
  const notSent = dropped === 0 ? '' : `, ${countText(dropped)} not sent`;
  return `${armText(shadow)}${slow}${notSent}; no evidence`;
}

function gateLines({ gate, phase }: Rollout, objectives: readonly string[]): string[] {
  if (gate === null) return [];
  const isAlone = phase === 'baking' || phase === 'promoted';
  const facts = [
    ['Gate:', `${gate.verdict}: ${harmless(gate.sentence)}`],
    [
      'Evidence against:',
      `${evidence(gate.against)} of ${evidence(gate.againstLimit)}, most by ${harmless(gate.metric)}`,
    ],
    ['Evidence for:', `${evidence(gate.for)} of ${evidence(gate.forLimit)}`],
    // After a failure the test has spoken; the interval, made by a wider one, would only seem to object.
    // At 100 % there is no stable left to set beside it.
    ...(gate.verdict === 'fail' || isAlone
      ? []
      : [['Failures:', harmless(gate.difference.sentence)]]),
    ...(gate.p95 === null
      ? []
      : [
          [
            'p95:',
            `candidate ${msText(gate.p95.candidateMs)}, stable ${msText(gate.p95.stableMs)}`,
          ],
        ]),
    ...gate.metrics.flatMap(({ metric, trouble }) =>
      trouble === null ? [] : [[`Metric ${harmless(metric)}:`, `not known: ${harmless(trouble)}`]],
    ),
    ...(gate.setAside === undefined ? [] : [['No evidence:', setAsideText(gate.setAside)]]),
    ...(gate.heldBy === null ? [] : [['Held by:', harmless(gate.heldBy)]]),
    ...(gate.beforeAfter === null
      ? []
      : [['Before and after (weaker):', harmless(gate.beforeAfter.sentence)]]),
  ];
  const metrics = gate.metrics.map((each) => [
    `${harmless(each.metric)}${roleText(each, objectives)}`,
    metricText(each, each.candidate),
    metricText(each, each.stable),
    each.interval === null ? '-' : intervalText(each.interval),
    `${evidence(each.evidence)} of ${evidence(each.limit)}`,
    percentText(100 * each.budgetShareRatio),
  ]);
  const heads = ['METRIC', 'CANDIDATE', 'STABLE', 'DIFFERENCE (95 %)', 'EVIDENCE', 'BUDGET'];
  return [
    '',
    ...tableLines({ heads: [], rows: facts }, true),
    ...(metrics.length === 0 ? [] : ['', ...tableLines({ heads, rows: metrics }, false)]),
  ];
}

type GateView = NonNullable<Rollout['gate']>;
type MetricView = GateView['metrics'][number];

function setAsideText(setAside: NonNullable<GateView['setAside']>): string {
  const parts: readonly (readonly [number, string])[] = [
    [setAside.retry, 'retries'],
    [setAside.sameClient, 'requests of clients that had their vote'],
    [setAside.tooManyClients, 'requests of clients beyond those that can be kept apart'],
  ];
  const some = parts.filter(([requests]) => requests > 0);
  return some.map(([requests, words]) => `${countText(requests)} ${words}`).join(', ');
}

/** `-0.25 to +0.5 pp`. */
function intervalText({ lowRatio, highRatio }: { lowRatio: number; highRatio: number }): string {
  const points = (ratio: number): string =>
    `${ratio < 0 ? '' : '+'}${Number((100 * ratio).toPrecision(3))}`;
  return lowRatio === -1 && highRatio === 1
    ? 'not known yet'
    : `${points(lowRatio)} to ${points(highRatio)} pp`;
}

function badWord({ metric, kind, slowFromMs }: MetricView): string {
  if (slowFromMs !== null) return `over ${msText(slowFromMs)}`;
  if (kind === 'histogram') return 'slow';
  // What a service counts itself need not be a failure.
  return kind === 'ratio' && metric !== 'errors' ? 'bad' : 'failed';
}

/** What is judged at 100 % where the file declares no objective is none. */
function roleText({ kind, metric }: MetricView, objectives: readonly string[]): string {
  if (kind !== 'objective') return '';
  const isDeclared = objectives.some((each) => each.startsWith(`${metric}:`));
  return isDeclared ? ' (objective)' : ' (at 100 %)';
}

/** An objective is tested at 100 % alone, and latencies not while it warms up: nothing was judged is not "0 failed". */
function metricText(view: MetricView, arm: MetricView['stable']): string {
  return arm === null || arm.requests === 0 ? '-' : armText(arm, badWord(view));
}

function armText(arm: { requests: number; failures: number }, bad = 'failed'): string {
  return `${countText(arm.failures)} of ${countText(arm.requests)} ${bad}`;
}

function msText(durationMs: number): string {
  return `${Number(durationMs.toPrecision(2))} ms`;
}

/** Three significant digits; evidence runs over many powers of ten. */
function evidence(value: number): string {
  if (value !== 0 && (value < 0.001 || value >= 1e6)) return value.toExponential(2);
  const rounded = Number(value.toPrecision(3));
  return rounded >= 1000 ? countText(rounded) : String(rounded);
}
