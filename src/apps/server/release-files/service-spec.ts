import { dirname, resolve } from 'node:path';
import { pathOf, placeOf } from '../../../api/release-file/document-origin.ts';
import type { PolicyDocument } from '../../../api/release-file/policy-document.ts';
import type { ServiceDocument } from '../../../api/release-file/service-document.ts';
import { canonicalJson } from '../../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../../domain/evidence/digest.ts';
import {
  type ConcurrencyScaling,
  usualConcurrencyScaling,
} from '../../../domain/scaling/concurrency.ts';
import { usualWake } from '../../../domain/traffic/wake-rule.ts';
import type { HorizontalScaling } from '../../../domain/scaling/horizontal.ts';
import { flagsFor } from './flag-spec.ts';
import type { Revision, ServiceSpec } from '../../../domain/release/revision.ts';
import type { RunInputs } from '../../../domain/release/run-inputs.ts';
import type { TrafficPolicy } from '../../../domain/traffic/resilience/traffic-policy.ts';

/** A document of a release file in the domain's words. Two documents with equal content give the same revision. */
export function serviceSpecOf(
  document: ServiceDocument,
  inputs?: ReadInputs,
  /** The server's, whose values of flags are taken; null: those for all. */
  environmentName: string | null = null,
): ServiceSpec {
  const { name, traffic, dependsOn, rollout, objectives } = document;
  const { rules, sticky, policy } = traffic;
  const { strategy } = rollout;
  return {
    name,
    host: traffic.host,
    requestTimeoutMs: traffic.requestTimeoutMs,
    ...(rules === undefined ? {} : { rules }),
    ...(sticky === undefined ? {} : { sticky }),
    ...(policy === undefined ? {} : { trafficPolicy: policyOf(document, policy) }),
    dependsOn,
    revision: revisionOf(document, inputs ?? { env: document.run.env }, environmentName),
    plan: {
      steps: rollout.steps,
      gate: rollout.gate,
      bakeMs: rollout.bakeMs,
      objectives,
      ...(strategy === undefined ? {} : { strategy }),
    },
  };
}

/** With the places of its rules, so that whoever is refused can be told by which line. */
function policyOf(document: ServiceDocument, policy: PolicyDocument): TrafficPolicy {
  const { authorization } = policy;
  if (authorization === undefined) return policy;
  const rules = authorization.rules.map((rule, index) => {
    const keyPath = ['spec', 'traffic', 'authorization', 'rules', index];
    return { ...rule, place: placeOf(document, keyPath) };
  });
  return { ...policy, authorization: { ...authorization, rules } };
}

/** What was read of the files and secrets that a document names. `env`: its own variables and theirs. */
export interface ReadInputs extends RunInputs {
  readonly env: Readonly<Record<string, string>>;
}

function revisionOf(
  document: ServiceDocument,
  inputs: ReadInputs,
  environmentName: string | null,
): Revision {
  const { traffic } = document;
  const content = {
    service: document.name,
    version: document.labels['version'] ?? null,
    command: document.run.command,
    workingDirectory: resolve(dirname(pathOf(document)), document.run.workingDirectory),
    ...inputs,
    health: document.health,
    // Who may sleep is started once all the same: a revision that cannot start is found out now.
    instances: Math.max(1, document.scale.min),
    ...scalingOf(document),
    // Absent where it is not given, so that revisions of before keep their names.
    ...(document.appProtocol === undefined ? {} : { appProtocol: document.appProtocol }),
    ...(traffic.policy?.mtls === undefined ? {} : { hasIdentity: true as const }),
    ...(document.disruptionBudget === undefined
      ? {}
      : { disruptionBudget: document.disruptionBudget }),
    ...(document.zones === undefined ? {} : { zones: document.zones }),
    ...(document.flags === undefined ? {} : { flags: flagsFor(document.flags, environmentName) }),
  };
  const digest = sha256Hex(canonicalJson(content));
  return { ...content, digest, id: `${document.name}-${digest.slice(0, 10)}` };
}

/** Within a tenth of its target a metric changes nothing, as in autoscaling/v2. */
const tolerance: HorizontalScaling['tolerance'] = { up: 0.1, down: 0.1 };

function scalingOf({
  scale,
  run,
}: ServiceDocument): Pick<Revision, 'scale' | 'concurrency' | 'requests' | 'limits'> {
  const resources = run.resources ?? {};
  const { max, load } = scale;
  if (scale.concurrency !== undefined && max !== null) {
    return { ...resources, concurrency: concurrencyOf(scale, scale.concurrency, max) };
  }
  if (load === undefined || max === null) return resources;
  const targets = load.targets.map((target) => {
    return { ...target, setsUnreadyAside: target.metric === 'cpu' };
  });
  return {
    ...resources,
    scale: { min: scale.min, max, targets, behavior: load.behavior, tolerance },
  };
}

function concurrencyOf(
  { min, windowMs, toZero }: ServiceDocument['scale'],
  perInstance: number,
  max: number,
): ConcurrencyScaling {
  const usual = usualConcurrencyScaling;
  const scaling = {
    ...usual,
    ...(windowMs === undefined ? {} : { stableWindowMs: windowMs }),
    min,
    max,
    perInstance,
  };
  if (toZero === undefined) return scaling;
  return {
    ...scaling,
    scaleToZeroGraceMs: toZero.retentionMs ?? usual.scaleToZeroGraceMs,
    wake: {
      timeoutMs: toZero.wakeTimeoutMs ?? usualWake.timeoutMs,
      requestsMax: toZero.waitingRequestsMax ?? usualWake.requestsMax,
    },
  };
}
