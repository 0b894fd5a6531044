import { join } from 'node:path';
import type { Revision } from '../../../domain/release/revision.ts';
import type { HeldLimits } from '../../../ports/platform.ts';
import {
  type CgroupPlace,
  type CgroupWish,
  type Controller,
  controllers,
  openCgroupPlace,
  tidyCgroups,
} from './cgroup-place.ts';
import { codeOf } from './cgroup-files.ts';
import { enterCgroup, makeCgroup } from './instance-cgroup.ts';
import type { ProcessIdentity } from '../process-group.ts';

/**
 * Holds instances to the limits of their revision: by a cgroup of each where this process may make them, else by watching.
 *
 * H1 What the kernel was not given is said, of each instance and once to the operator; it is never dropped quietly.
 * H2 A cgroup belongs to one life of an instance and goes with it.
 * H3 Nothing is made on the machine before a revision asks for it.
 */
export class LimitHolder {
  readonly #wish: CgroupWish;
  readonly #platformFolder: string;
  readonly #onTrouble: (sentence: string) => void;
  #place: CgroupPlace | null = null;
  #isTold = false;

  constructor(of: {
    readonly wish: CgroupWish;
    readonly platformFolder: string;
    readonly onTrouble: (sentence: string) => void;
  }) {
    this.#wish = of.wish;
    this.#platformFolder = of.platformFolder;
    this.#onTrouble = of.onTrouble;
  }

  /** Before the process is started; null: its revision says nothing of what it gets. */
  prepare(
    revision: Revision,
    life: { readonly id: string; readonly launchId: string },
  ): Held | null {
    const wants = wantsOf(revision);
    if (wants.size === 0) return null;
    this.#place ??= openCgroupPlace(this.#wish, this.#platformFolder);
    const { folder, missing } = this.#place;
    const why = new Map<Controller, string>();
    for (const each of wants) {
      const because = missing[each];
      if (because !== undefined) why.set(each, because);
    }
    if (folder === null || why.size === wants.size) return this.#tell(heldOf(revision, null, why));
    const cgroup = join(folder, `${life.id}.${life.launchId.slice(0, 8)}`);
    try {
      const refused = makeCgroup(cgroup, shareOf(revision, why));
      for (const each of controllers) {
        const because = refused[each];
        if (because !== null) why.set(each, because);
      }
    } catch (cause) {
      // A parent that was removed by hand is made anew for the next one.
      this.#place = null;
      for (const each of wants) why.set(each, `cannot make ${cgroup}: ${codeOf(cause)}`);
      return this.#tell(heldOf(revision, null, why));
    }
    return this.#tell(heldOf(revision, cgroup, why));
  }

  /** At once after the process was started. */
  enter(revision: Revision, held: Held, identity: ProcessIdentity): Held {
    if (held.cgroup === null) return held;
    const because = entered(held.cgroup, identity);
    if (because === null) return held;
    const why = new Map([...wantsOf(revision)].map((each) => [each, because] as const));
    return { ...this.#tell(heldOf(revision, null, why)), cgroup: held.cgroup };
  }

  /** Empty cgroups of before, and the place itself while nobody has one. */
  tidy(kept: ReadonlySet<string>): void {
    tidyCgroups(this.#wish, this.#platformFolder, kept);
    if (kept.size === 0) this.#place = null;
  }

  #tell(held: Held): Held {
    if (held.limits.trouble !== null && !this.#isTold) {
      this.#isTold = true;
      this.#onTrouble(`not all limits are held by the kernel: ${held.limits.trouble}`);
    }
    return held;
  }
}

function entered(cgroup: string, identity: ProcessIdentity): string | null {
  try {
    return enterCgroup(cgroup, identity);
  } catch (cause) {
    return `cgroup.procs: ${codeOf(cause)}`;
  }
}

export interface Held {
  /** Null: it has none. */
  readonly cgroup: string | null;
  readonly limits: HeldLimits;
}

function heldOf(
  { limits = {} }: Revision,
  cgroup: string | null,
  why: ReadonlyMap<Controller, string>,
): Held {
  const { memoryBytes, cpuCores } = limits;
  const memory = why.has('memory') ? 'watching' : 'cgroup';
  const cpu = why.has('cpu') ? 'nobody' : 'cgroup';
  const reasons = new Map<string, string[]>();
  for (const [controller, because] of why) {
    reasons.set(because, [...(reasons.get(because) ?? []), controller]);
  }
  const texts = [...reasons].map(([because, of]) => `${of.join(' and ')}: ${because}`);
  return {
    cgroup,
    limits: {
      ...(memoryBytes === undefined ? {} : { memory: { bytes: memoryBytes, enforcedBy: memory } }),
      ...(cpuCores === undefined ? {} : { cpu: { cores: cpuCores, enforcedBy: cpu } }),
      trouble: texts.length === 0 ? null : texts.join('; '),
    },
  };
}

function wantsOf({ limits = {}, requests = {} }: Revision): ReadonlySet<Controller> {
  const wants = new Set<Controller>();
  if (limits.memoryBytes !== undefined) wants.add('memory');
  // What is asked for is its weight where CPU is short.
  if (limits.cpuCores !== undefined || requests.cpuCores !== undefined) wants.add('cpu');
  return wants;
}

function shareOf({ limits = {}, requests = {} }: Revision, why: ReadonlyMap<Controller, string>) {
  const { memoryBytes, cpuCores } = limits;
  const isCpu = !why.has('cpu');
  return {
    ...(memoryBytes === undefined || why.has('memory') ? {} : { memoryBytesMax: memoryBytes }),
    ...(cpuCores === undefined || !isCpu ? {} : { coresMax: cpuCores }),
    ...(requests.cpuCores === undefined || !isCpu ? {} : { requestedCores: requests.cpuCores }),
  };
}
