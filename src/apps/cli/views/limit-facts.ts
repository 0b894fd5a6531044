import type { Instance, Service } from '../../../api/client/generated/schemas.ts';
import { harmless } from '../look.ts';

/** Of each revision with limits: what an instance may have at most, who holds it to that, and what the kernel was not given. */
export function limitFacts({ status }: Service): string[][] {
  const seen = new Set<string>();
  return status.instances.flatMap(({ revisionId, limits }) => {
    if (limits === undefined) return [];
    const text = limitsText(limits);
    const key = `${revisionId} ${text}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const role = status.stable?.id === revisionId ? 'stable' : 'candidate';
    return [[`Limits ${role}:`, text]];
  });
}

/** `memory 64Mi enforced by watching; CPU 500m not enforced; memory and cpu: no cgroup v2 is mounted here`. */
function limitsText({ memory, cpu, trouble }: NonNullable<Instance['limits']>): string {
  const cpuText = cpu?.enforcedBy === 'cgroup' ? 'enforced by cgroup' : 'not enforced';
  const parts = [
    ...(memory === undefined
      ? []
      : [`memory ${Math.round(memory.bytes / 2 ** 20)}Mi enforced by ${memory.enforcedBy}`]),
    ...(cpu === undefined ? [] : [`CPU ${Math.round(cpu.cores * 1000)}m ${cpuText}`]),
    ...(trouble === null ? [] : [`not given to the kernel: ${harmless(trouble)}`]),
  ];
  return parts.join('; ') || 'CPU by what is asked for, as cpu.weight';
}
