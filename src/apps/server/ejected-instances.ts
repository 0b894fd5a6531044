import type { InstanceView } from '../../api/wire.ts';
import {
  type TrafficPolicy,
  usualOutlierDetection,
} from '../../domain/traffic/resilience/traffic-policy.ts';
import type { Platform } from '../../ports/platform.ts';

/** The platform, with what the router says of its instances. */
export function withEjections(platform: Platform, ejected: () => ReadonlySet<string>): Platform {
  return {
    ensure: (revision, count, signal) => platform.ensure(revision, count, signal),
    replace: (revision, wanted, signal) => platform.replace(revision, wanted, signal),
    stop: (revision, signal) => platform.stop(revision, signal),
    logs: (query, signal) => platform.logs(query, signal),
    observe: async (signal) => {
      const instances = await platform.observe(signal);
      const ids = ejected();
      if (ids.size === 0) return instances;
      return instances.map((each) => (ids.has(each.id) ? { ...each, isEjected: true } : each));
    },
  };
}

/** Why the gateway sends an instance nothing: what it must have done by the service's policy. */
export function withEjectionReason(
  instance: InstanceView,
  policy: TrafficPolicy | undefined,
): InstanceView {
  if (instance.isEjected !== true) return instance;
  const rule = policy?.outlierDetection ?? usualOutlierDetection;
  const { consecutive5xx, consecutiveGatewayErrors } = rule;
  const why = [
    ...(consecutiveGatewayErrors === null
      ? []
      : [`${consecutiveGatewayErrors} in a row of 502, 503, 504 or no answer`]),
    ...(consecutive5xx === null ? [] : [`${consecutive5xx} in a row of 5xx or no answer`]),
  ].join(', or ');
  return { ...instance, reason: `gets nothing for a while after ${why}` };
}
