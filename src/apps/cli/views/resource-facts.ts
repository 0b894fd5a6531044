import type { Resources, Service } from '../../../api/client/generated/schemas.ts';
import { percentText } from './words.ts';

/** Of each revision: what an instance asks for, what it uses, and what would do. */
export function resourceFacts({ status }: Service): string[][] {
  return (status.resources ?? []).map((view) => {
    const role = status.stable?.id === view.revisionId ? 'stable' : 'candidate';
    const { used, requests, recommended, savingRatio } = view;
    const cpu = kindText({
      name: 'CPU',
      requested: requests.cpuCores,
      used: used.cpuCores,
      recommended: boundsOf(recommended, 'cpuCores'),
      savingRatio: savingRatio.cpu,
      text: coresText,
    });
    const memory = kindText({
      name: 'memory',
      requested: requests.memoryBytes,
      used: used.memoryBytes,
      recommended: boundsOf(recommended, 'memoryBytes'),
      savingRatio: savingRatio.memory,
      text: mebibytesText,
    });
    return [`Resources ${role}:`, `${cpu}; ${memory} (not applied)`];
  });
}

interface Kind {
  readonly name: string;
  readonly requested: number | null;
  readonly used: number;
  readonly recommended: { readonly target: number; readonly lower: number; readonly upper: number };
  readonly savingRatio: number | null;
  readonly text: (amount: number) => string;
}

/** `CPU 500m asked for, 35m used, 100m recommended (100m to 2000m), 80 % less`. */
function kindText({ name, requested, used, recommended, savingRatio, text }: Kind): string {
  const { target, lower, upper } = recommended;
  const asked = requested === null ? 'nothing' : text(requested);
  const percent = savingRatio === null ? 0 : Math.round(savingRatio * 100);
  const change =
    percent === 0 ? '' : `, ${percentText(Math.abs(percent))} ${percent > 0 ? 'less' : 'more'}`;
  return `${name} ${asked} asked for, ${text(used)} used, ${text(target)} recommended (${text(lower)} to ${text(upper)})${change}`;
}

function boundsOf(
  { target, lower, upper }: Resources['recommended'],
  kind: 'cpuCores' | 'memoryBytes',
): Kind['recommended'] {
  return { target: target[kind], lower: lower[kind], upper: upper[kind] };
}

function coresText(cores: number): string {
  return `${Math.round(cores * 1000)}m`;
}

function mebibytesText(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)}Mi`;
}
