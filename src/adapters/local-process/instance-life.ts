import { randomUUID } from 'node:crypto';
import type { Revision } from '../../domain/release/revision.ts';
import type { Clock } from '../../ports/clock.ts';
import { PlatformError } from '../../ports/platform.ts';
import type { WorkloadIdentities } from '../../ports/workload-identities.ts';
import { identityVariables } from './instance-identity.ts';
import type { ConfigStore } from './config-store.ts';
import type { Held, LimitHolder } from './limits/hold-limits.ts';
import { endCgroup } from './limits/instance-cgroup.ts';
import {
  instanceEnvironment,
  type Environment,
  type InstanceFacts,
} from './instance-environment.ts';
import type { InstanceRecord, Launch } from './instance-record.ts';
import type { InstanceStore } from './instance-store.ts';
import { readLastLines, sizeOf } from './logs/log-cursor.ts';
import type { LogFiles } from './logs/log-files.ts';
import type { PortPool } from './port-pool.ts';
import { findLaunch, isLeaderRunning, type ProcessIdentity } from './process-group.ts';
import type { SecretReader } from './secret-source.ts';
import type { LocalProcessSettings } from './settings.ts';
import { startProcess } from './start-process.ts';
import { killGroup } from './stop-group.ts';

/** One process of an instance, from its start to its end. */
export interface Life {
  readonly identity: ProcessIdentity;
  readonly port: number;
  readonly startedAtMs: number;
  /** Where standard error stood at the start. */
  readonly errorOffset: number;
  /** Aborted with the reason when the process ended; null for one found again, which only /proc tells about. */
  readonly ended: AbortSignal | null;
  /** How its limits are held; null: it has none. */
  readonly held: Held | null;
}

/** What all instances of one platform share. */
export interface Surroundings {
  readonly store: InstanceStore;
  readonly logs: LogFiles;
  readonly ports: PortPool;
  readonly clock: Clock;
  readonly settings: LocalProcessSettings;
  readonly bootId: string;
  readonly inherited: Environment;
  readonly gatewayUrl: string;
  /** Null: nowhere. */
  readonly flagsUrl: () => string | null;
  readonly beforeEnd: (instanceId: string, signal: AbortSignal) => Promise<void>;
  readonly secrets: SecretReader;
  readonly configs: ConfigStore;
  /** Null: no instance has a certificate. */
  readonly identities: WorkloadIdentities | null;
  readonly limits: LimitHolder;
  /** One sentence for operators. */
  readonly onTrouble: (sentence: string) => void;
  /** Aborted when the platform is closed: supervising ends, instances go on. */
  readonly closed: AbortSignal;
}

export interface Launched {
  readonly life: Life;
  readonly record: InstanceRecord;
}

/** Starts a process for the instance on a port of its own and writes it down (R1). On failure nothing is left running. */
export async function launch(world: Surroundings, record: InstanceRecord): Promise<Launched> {
  const port = await world.ports.take();
  try {
    return await launchOn(world, record, port);
  } catch (cause) {
    world.ports.release(port);
    throw cause;
  }
}

async function launchOn(
  world: Surroundings,
  record: InstanceRecord,
  port: number,
): Promise<Launched> {
  const { revision, id } = record;
  const launchId = randomUUID();
  const prepared = world.limits.prepare(revision, { id, launchId });
  const plan: Launch = {
    launchId,
    bootId: world.bootId,
    port,
    startedAtMs: world.clock.nowMs(),
    process: null,
    wasReady: false,
    ...(prepared === null ? {} : { held: prepared }),
  };
  try {
    return await launchAs(world, record, plan);
  } catch (cause) {
    if (prepared !== null && prepared.cgroup !== null) await endCgroup(prepared.cgroup, world);
    throw cause;
  }
}

async function launchAs(
  world: Surroundings,
  record: InstanceRecord,
  plan: Launch,
): Promise<Launched> {
  const { revision, id } = record;
  const { port } = plan;
  await world.store.save({ ...record, launch: plan });
  const logs = world.logs.of(id);
  const errorOffset = await errorSize(world, id);
  const { gatewayUrl } = world;
  const given = await inputsOf(world, record);
  const flags = flagAccess(world, revision);
  const facts = { instanceId: id, port, launchId: plan.launchId, gatewayUrl, flags, ...given };
  const environment = instanceEnvironment(world.inherited, revision, facts);
  const { command, workingDirectory } = revision;
  const started = await startProcess({
    instanceId: id,
    command,
    workingDirectory,
    environment,
    logs,
  });
  const { pid, startTicks, ended } = started;
  const identity = { pid, startTicks, bootId: plan.bootId, launchId: plan.launchId };
  // Before anything is awaited: what it takes until then counts for nobody.
  const held = plan.held === undefined ? null : world.limits.enter(revision, plan.held, identity);
  const life = { identity, port, startedAtMs: plan.startedAtMs, errorOffset, ended, held };
  const launch = { ...plan, process: { pid, startTicks }, ...(held === null ? {} : { held }) };
  const running = { ...record, launch };
  try {
    await world.store.save(running);
  } catch (cause) {
    await endGroup(world, identity);
    throw cause;
  }
  return { life, record: running };
}

/** Where and by what token the instances of a revision ask for flags; null: it has none, or nobody answers. */
export function flagAccess(
  { flagsUrl, secrets }: Pick<Surroundings, 'flagsUrl' | 'secrets'>,
  { id, flags }: Revision,
): InstanceFacts['flags'] {
  const url = flags === undefined ? null : flagsUrl();
  return url === null ? null : { url, token: secrets.flagTokenOf(id) };
}

type Given = Pick<InstanceFacts, 'secrets' | 'configFolder' | 'identity'>;

/** Config files are laid out anew; secrets are read where they are. What is not as the revision says starts nothing. */
async function inputsOf(world: Surroundings, { id, revision }: InstanceRecord): Promise<Given> {
  const { secrets = {}, configFiles } = revision;
  const fail = (because: string): PlatformError =>
    new PlatformError('start-failed', `cannot start ${id}: ${because}`, { retryable: false });
  const values = await world.secrets.valuesOf(secrets);
  if (typeof values === 'string') throw fail(values);
  const identity = await identityVariables(world.identities, { id, revision });
  if (configFiles === undefined) return { secrets: values, identity };
  const laid = await world.configs.lay(id, configFiles);
  if (typeof laid === 'string') throw fail(laid);
  return { secrets: values, identity, configFolder: laid.folder };
}

/** The life that a record of an earlier server stands for, if its process or what that left behind can be named. */
export async function recall(world: Surroundings, record: InstanceRecord): Promise<Life | null> {
  const written = record.launch;
  if (written === null || written.bootId !== world.bootId) return null;
  const found = written.process ?? findLaunch(written.launchId);
  if (found === null) return null;
  const { bootId, launchId, port, startedAtMs, held = null } = written;
  const identity = { pid: found.pid, startTicks: found.startTicks, bootId, launchId };
  const errorOffset = await errorSize(world, record.id);
  return { identity, port, startedAtMs, errorOffset, ended: null, held };
}

/** Why the process is no more, or null while it runs. */
export function endOf(life: Life): string | null {
  if (life.ended === null) {
    return isLeaderRunning(life.identity)
      ? null
      : 'ended (how is not known: an earlier server started it)';
  }
  if (!life.ended.aborted) return null;
  return life.ended.reason instanceof Error ? life.ended.reason.message : String(life.ended.reason);
}

/** Removes its cgroup with all that is in it, also what has made a group of its own; what stays is removed at the next opening. */
export async function leaveCgroup(world: Surroundings, { held }: Life): Promise<void> {
  if (held === null || held.cgroup === null) return;
  await endCgroup(held.cgroup, world);
}

/** Kills what is left of the group, so that a leaked child neither holds the port nor serves on. */
export async function endGroup(world: Surroundings, identity: ProcessIdentity): Promise<void> {
  const { clock, settings } = world;
  await killGroup({ identity, graceMs: 0, clock, settings }, new AbortController().signal);
}

/** What the process said last on standard error: the line naming an error, or else the last one. Null: nothing. */
export async function lastWords(
  world: Surroundings,
  instanceId: string,
  life: Life,
): Promise<string | null> {
  const path = errorPath(world, instanceId);
  const lines = path === null ? [] : await readLastLines(path, life.errorOffset);
  const named = lines.findLast((line) => /^\S*(?:Error|Exception|panic)\b/.test(line));
  return (named ?? lines.at(-1))?.trim().slice(0, 200) ?? null;
}

async function errorSize(world: Surroundings, instanceId: string): Promise<number> {
  const path = errorPath(world, instanceId);
  return path === null ? 0 : sizeOf(path);
}

function errorPath(world: Surroundings, instanceId: string): string | null {
  return world.logs.of(instanceId).find((file) => file.stream === 'stderr')?.path ?? null;
}
