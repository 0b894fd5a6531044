import type { Scaling, Service } from '../../../api/client/generated/schemas.ts';
import { harmless } from '../look.ts';
import { countText, percentText } from './words.ts';

/** Of each revision that follows its load: how many, between what bounds, and each metric beside its target. */
export function scalingFacts({ status }: Service): string[][] {
  return (status.scaling ?? []).flatMap((scaling) => [
    [
      `Scaling ${roleOf(status, scaling)}:`,
      `${countsText(scaling)}: ${harmless(scaling.sentence)}`,
    ],
    ...scaling.metrics.map(({ metric, perInstance, target, instances }) => [
      `  ${harmless(metric)}:`,
      perInstance === null || instances === null
        ? `not known, target ${valueText(metric, target)}`
        : `${valueText(metric, perInstance)} an instance, target ${valueText(metric, target)}, asks for ${instances}`,
    ]),
  ]);
}

/** `4 of 5 ready (3-10)`, or `asleep since 2026-11-21T20:15:00.000Z (0-10)`. */
export function scalingText({ status }: Service, revisionId: string): string {
  const scaling = (status.scaling ?? []).find((each) => each.revisionId === revisionId);
  if (scaling === undefined) return '';
  const { min, max, asleepSince } = scaling;
  if (asleepSince !== undefined) return `asleep since ${asleepSince} (${min}-${max})`;
  return `${scaling.ready} of ${scaling.ordered} ready (${min}-${max})`;
}

function countsText({ desired, ordered, ready, min, max, asleepSince }: Scaling): string {
  if (asleepSince !== undefined) return `asleep since ${asleepSince}, ${min} to ${max}`;
  const wanted = desired === null ? `${ordered} ordered` : `${desired} desired, ${ordered} ordered`;
  return `${wanted}, ${ready} ready, ${min} to ${max}`;
}

function roleOf({ stable }: Service['status'], { revisionId }: Scaling): string {
  return stable?.id === revisionId ? 'stable' : 'candidate';
}

/** CPU and memory are parts of what is requested. */
function valueText(metric: string, value: number): string {
  if (metric === 'cpu' || metric === 'memory') return percentText(Math.round(value * 1000) / 10);
  return value >= 10 ? countText(Math.round(value)) : String(Number(value.toPrecision(2)));
}
