import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  childCgroups,
  codeOf,
  readControl,
  removeCgroup,
  tryWriteControl,
} from './cgroup-files.ts';

/**
 * Where the cgroups of instances are: `auto`, at the root of the cgroup v2 hierarchy, where only root may; a folder that was given
 * to Tidegate (systemd: Delegate=, DelegateSubgroup=), which no process is in itself; `off`, nowhere.
 */
export type CgroupWish = 'auto' | 'off' | { readonly folder: string };

export type Controller = 'memory' | 'cpu';

/** What can be had. `missing`: why a controller can't be. */
export interface CgroupPlace {
  /** Of this platform alone; each instance gets a cgroup in it. Null: none can be made. */
  readonly folder: string | null;
  readonly missing: Readonly<Partial<Record<Controller, string>>>;
}

export const controllers: readonly Controller[] = ['memory', 'cpu'];

/**
 * Makes the folder and hands the controllers down to it. The name is that of the platform's own folder, so that another server of
 * this machine has another and the next one over the same folder finds its own.
 */
export function openCgroupPlace(wish: CgroupWish, platformFolder: string): CgroupPlace {
  const base = cgroupBase(wish);
  if (typeof base === 'string') return nowhere(base);
  const folder = placeWithin(base.folder, platformFolder);
  const offered = new Set((readControl(base.folder, 'cgroup.controllers') ?? '').split(' '));
  const missing: Partial<Record<Controller, string>> = {};
  for (const controller of controllers) {
    const why = offered.has(controller)
      ? handDown(base.folder, controller)
      : notOffered(base.folder, controller);
    if (why !== null) missing[controller] = why;
  }
  if (controllers.every((each) => missing[each] !== undefined)) return { folder: null, missing };
  try {
    mkdirSync(folder);
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') return nowhere(`cannot make ${folder}: ${codeOf(cause)}`);
  }
  for (const controller of controllers) {
    if (missing[controller] !== undefined) continue;
    const why = handDown(folder, controller);
    if (why !== null) missing[controller] = why;
  }
  return { folder, missing };
}

/** What can't be had, as far as can be told without making anything. */
export function lookAtCgroups(wish: CgroupWish): CgroupPlace['missing'] {
  const base = cgroupBase(wish);
  if (typeof base === 'string') return { memory: base, cpu: base };
  const offered = new Set((readControl(base.folder, 'cgroup.controllers') ?? '').split(' '));
  const found = controllers.filter((each) => !offered.has(each));
  return Object.fromEntries(found.map((each) => [each, notOffered(base.folder, each)]));
}

/** Of what an earlier server left there, all that is empty and no instance's goes. */
export function tidyCgroups(
  wish: CgroupWish,
  platformFolder: string,
  kept: ReadonlySet<string>,
): void {
  const base = cgroupBase(wish);
  if (typeof base === 'string') return;
  const folder = placeWithin(base.folder, platformFolder);
  for (const name of childCgroups(folder)) {
    // One with processes that nobody wrote down is not ours to end.
    if (!kept.has(join(folder, name))) removeCgroup(join(folder, name));
  }
  removeCgroup(folder);
}

function placeWithin(base: string, platformFolder: string): string {
  const digest = createHash('sha256').update(resolve(platformFolder)).digest('hex');
  return join(base, `tidegate-${digest.slice(0, 10)}`);
}

/** A text says why there is none. */
function cgroupBase(wish: CgroupWish): { readonly folder: string } | string {
  if (wish === 'off') return 'cgroups are turned off (--cgroup off)';
  if (wish !== 'auto') {
    const folder = resolve(wish.folder);
    if (readControl(folder, 'cgroup.controllers') !== null) return { folder };
    return `${folder} is no cgroup v2 that can be read; give --cgroup one that was delegated to this user`;
  }
  const mount = cgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
  if (mount === null) return 'no cgroup v2 is mounted here';
  if (mount.isReadOnly) return `${mount.folder} is mounted read-only`;
  if (process.geteuid?.() === 0) return { folder: mount.folder };
  return `only root may make cgroups in ${mount.folder}; give --cgroup one that was delegated to this user`;
}

/** The first mount of cgroup v2 in the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function cgroupMount(
  text: string,
): { readonly folder: string; readonly isReadOnly: boolean } | null {
  for (const line of text.split('\n')) {
    const [place = '', kind = ''] = line.split(' - ');
    if (!kind.startsWith('cgroup2 ')) continue;
    const [, , , , folder = '', options = ''] = place.split(' ');
    const superOptions = kind.split(' ').at(2) ?? '';
    const isReadOnly = [options, superOptions].some((each) => each.split(',').includes('ro'));
    return { folder: folder.replaceAll(String.raw`\040`, ' '), isReadOnly };
  }
  return null;
}

function notOffered(folder: string, controller: Controller): string {
  return `cgroup v2 has no ${controller} controller in ${folder} (v1 may have it)`;
}

/** Null: the cgroups in the folder have the controller. */
function handDown(folder: string, controller: Controller): string | null {
  const given = (readControl(folder, 'cgroup.subtree_control') ?? '').split(' ');
  if (given.includes(controller)) return null;
  const code = tryWriteControl(folder, 'cgroup.subtree_control', `+${controller}`);
  switch (code) {
    case null:
      return null;
    case 'EBUSY':
      return `${folder} has processes of its own, so it can't hand down ${controller} (cgroups(7), no internal processes)`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${folder} may not be written (${code}); give --cgroup one that was delegated to this user`;
    default:
      return `${folder} does not hand down ${controller}: ${code}`;
  }
}

function nowhere(why: string): CgroupPlace {
  return { folder: null, missing: { memory: why, cpu: why } };
}
