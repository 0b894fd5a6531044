import type { HorizontalDecision, HorizontalScaling } from '../../scaling/horizontal.ts';
import type { MetricAdvice } from '../../scaling/metric-advice.ts';
import { countText, percentText } from './amount-text.ts';

/** Why so many instances: the metric that asks for most, its value and target, and what else had a say. */
export function scalingSentence(
  { targets, min, max }: HorizontalScaling,
  { advice, instances, wished, limitedBy }: HorizontalDecision,
): string {
  const known = advice.filter(({ perInstance }) => perInstance !== null);
  const most = known.toSorted((a, b) => b.instances - a.instances)[0];
  const target = targets.find(({ metric }) => metric === most?.metric)?.perInstance;
  const reason =
    most === undefined || target === undefined ? 'no metric is known' : adviceText(most, target);
  switch (limitedBy) {
    case 'nothing':
      return reason;
    case 'no metrics':
      return `${reason}; the number stays`;
    case 'reserve':
      return `${instances} are needed for what the rollout may do next (${reason})`;
    case 'window':
      return `${reason}; wants ${wished} and waits for its stabilization window`;
    case 'policy':
      return `${reason}; wants ${wished}, as many at a time as its policies allow`;
    case 'min':
      return `${reason}; wants ${wished}, the least is ${min}`;
    case 'max':
      return `${reason}; wants ${wished}, the most is ${max}`;
  }
}

function adviceText({ metric, perInstance }: MetricAdvice, target: number): string {
  return `${metric} ${metricText(metric, perInstance ?? 0)} an instance, target ${metricText(metric, target)}`;
}

/** A ratio of what is requested in percent, other metrics as they are. */
export function metricText(metric: string, value: number): string {
  if (metric === 'cpu' || metric === 'memory') return percentText(Math.round(value * 1000) / 10);
  return value >= 10 ? countText(value) : String(Number(value.toPrecision(2)));
}
