import type { InstanceView } from '../../../api/wire.ts';
import {
  type CgroupWish,
  lookAtCgroups,
} from '../../../adapters/local-process/limits/cgroup-place.ts';
import type { Instance } from '../../../ports/platform.ts';
import { timeText } from './time-text.ts';

/** How an instance is held to its limits, and how often it was ended at that of memory. */
export function limitsView({
  limits,
  outOfMemory,
}: Instance): Pick<InstanceView, 'limits' | 'outOfMemory'> {
  return {
    ...(limits === undefined ? {} : { limits: { ...limits } }),
    ...(outOfMemory === undefined ? {} : { outOfMemory: view(outOfMemory) }),
  };
}

function view({ count, atMs, memoryBytes }: NonNullable<Instance['outOfMemory']>) {
  return { count, at: timeText(atMs), memoryBytes };
}

/** For who starts the server; null: the kernel can be given all limits, as far as is known before one is asked for. */
export function limitTrouble(wish: CgroupWish): string | null {
  const { memory, cpu } = lookAtCgroups(wish);
  if (memory === undefined && cpu === undefined) return null;
  if (memory === cpu)
    return `limits of instances: memory is watched, CPU is not enforced: ${memory}`;
  const texts = [
    ...(memory === undefined ? [] : [`memory is watched: ${memory}`]),
    ...(cpu === undefined ? [] : [`CPU is not enforced: ${cpu}`]),
  ];
  return `limits of instances: ${texts.join('; ')}`;
}
