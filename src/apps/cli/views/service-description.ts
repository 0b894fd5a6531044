import type { RolloutView, ServiceView } from '../../../api/wire.ts';
import { harmless, type Look, paint } from '../look.ts';
import { serviceTree } from './status-tree.ts';
import { tableLines } from './table.ts';
import { countText, durationText, percentText, revisionText } from './words.ts';

/** `describe SERVICE`: the tree of `status`, then what is set, then how each step of the rollout went. */
export function serviceDescription(service: ServiceView, look: Look): string[] {
  const { spec, status } = service;
  const steps = spec.stepWeightsPercent.map(percentText).join(', ');
  const earlier = status.stables.filter(({ id }) => id !== status.stable?.id);
  const facts = [
    ['Host:', spec.host],
    ['Needs:', spec.dependsOn.join(', ') || 'nothing'],
    ['Revision:', revisionText(spec.revision)],
    ['Command:', harmless(spec.revision.command.join(' '))],
    ['Instances:', `${spec.revision.instances}`],
    ['Steps:', `${steps}, then ${durationText(spec.bakeMs)} of baking`],
    ['Request timeout:', durationText(spec.requestTimeoutMs)],
    ['Undo can go to:', earlier.map(revisionText).join(', ') || 'nothing yet'],
  ];
  return [
    ...serviceTree(service, look),
    '',
    ...tableLines({ heads: [], rows: facts }, true),
    ...(status.rollout === null ? [] : ['', ...rolloutDescription(status.rollout, look)]),
  ];
}

function rolloutDescription(rollout: RolloutView, look: Look): string[] {
  const { who, why } = rollout.startedBy;
  const facts = [
    ['Rollout:', `${rollout.id} (${rollout.kind})`],
    ['From:', rollout.from === null ? 'nothing' : revisionText(rollout.from)],
    ['To:', revisionText(rollout.to)],
    ['Phase:', rollout.isPaused ? `${rollout.phase}, paused` : rollout.phase],
    ['Started:', `${rollout.startedAt} by ${who}${why === null ? '' : `: "${harmless(why)}"`}`],
    ...(rollout.endedAt === null ? [] : [['Ended:', rollout.endedAt]]),
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
    ...gateLines(rollout),
  ];
}

function gateLines({ gate }: RolloutView): string[] {
  if (gate === null) return [];
  const facts = [
    ['Gate:', `${gate.verdict}: ${harmless(gate.sentence)}`],
    [
      'Evidence against:',
      `${evidence(gate.against)} of ${evidence(gate.againstLimit)}, most by ${harmless(gate.metric)}`,
    ],
    ['Evidence for:', `${evidence(gate.for)} of ${evidence(gate.forLimit)}`],
    // After a failure the test has spoken; the interval, made by a wider one, would only seem to object.
    ...(gate.verdict === 'fail' ? [] : [['Failures:', harmless(gate.difference.sentence)]]),
    ...(gate.p95 === null
      ? []
      : [
          [
            'p95:',
            `candidate ${msText(gate.p95.candidateMs)}, stable ${msText(gate.p95.stableMs)}`,
          ],
        ]),
    ...(gate.serviceMetrics ?? []).map((metric) => [
      `Metric ${harmless(metric.metric)}:`,
      metricText(metric),
    ]),
    ...(gate.setAside === undefined ? [] : [['No evidence:', setAsideText(gate.setAside)]]),
    ...(gate.heldBy === null ? [] : [['Held by:', harmless(gate.heldBy)]]),
  ];
  return ['', ...tableLines({ heads: [], rows: facts }, true)];
}

type GateView = NonNullable<RolloutView['gate']>;

function metricText(metric: NonNullable<GateView['serviceMetrics']>[number]): string {
  const { candidate, stable, trouble } = metric;
  const seen = ({ events, bad }: typeof candidate): string =>
    bad === null ? `${countText(events)} events` : `${countText(bad)} of ${countText(events)} bad`;
  const note = trouble === null ? '' : `; not known: ${harmless(trouble)}`;
  const arms = `candidate ${seen(candidate)}, stable ${seen(stable)}`;
  return `${arms}, evidence against ${evidence(metric.evidence)}${note}`;
}

function setAsideText(setAside: NonNullable<GateView['setAside']>): string {
  const parts: readonly (readonly [number, string])[] = [
    [setAside.retry, 'retries'],
    [setAside.sameClient, 'requests of clients that had their vote'],
    [setAside.tooManyClients, 'requests of clients beyond those that can be kept apart'],
  ];
  const some = parts.filter(([requests]) => requests > 0);
  return some.map(([requests, words]) => `${countText(requests)} ${words}`).join(', ');
}

function armText(arm: { requests: number; failures: number }): string {
  return `${countText(arm.failures)} of ${countText(arm.requests)} failed`;
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
