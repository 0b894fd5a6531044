import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLoadProcess } from '../../src/adapters/load/load-process.ts';
import type { LoadResult } from '../../src/domain/load/load-result.ts';
import { World } from '../world.ts';

/** A service that follows its load, in a world of its own. */
export interface ScaledService {
  readonly name: string;
  /** A module of Node. */
  readonly program: string;
  /** What `run.resources` and `scale` of its release file say. */
  readonly resources?: Readonly<Record<string, unknown>>;
  readonly scale: Readonly<Record<string, unknown>>;
}

/** `use` may start the program itself, as `command` in `folder`. */
export async function withScaledService<T>(
  service: ScaledService,
  use: (world: World, folder: string) => Promise<T>,
): Promise<T> {
  const { name, program, resources, scale } = service;
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-scaled-'));
  try {
    const release = JSON.stringify({
      apiVersion: 'tidegate.dev/v1',
      kind: 'Service',
      metadata: { name },
      spec: {
        run: { command: [...command], ...(resources === undefined ? {} : { resources }) },
        health: { stopGrace: '5s' },
        scale,
        traffic: { host: `${name}.localhost`, timeout: '30s' },
      },
    });
    await writeFile(join(folder, 'service.mjs'), program);
    await writeFile(join(folder, 'release.json'), release);
    await using world = await World.open();
    await world.tidegate('apply', '--wait', '-f', join(folder, 'release.json'));
    return await use(world, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export const command = ['node', 'service.mjs'] as const;

export interface LoadWish {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly connections?: number;
}

/** Load until `until` is over, and how long that took. */
export async function loaded(
  world: World,
  { name, requestsPerSecond, connections = 64 }: LoadWish,
  until: () => Promise<void>,
): Promise<{ readonly result: LoadResult; readonly ms: number }> {
  await using load = startLoadProcess({
    url: world.gatewayUrl,
    headers: { host: `${name}.localhost` },
    targetRps: requestsPerSecond,
    durationMs: null,
    connections,
    timeoutMs: 60_000,
    sendLagP99LimitMs: 1_000,
  });
  const sinceMs = performance.now();
  await until();
  const ms = performance.now() - sinceMs;
  return { result: await load.stop(), ms };
}

export async function scalingOf(world: World, name: string) {
  const [found] = (await world.service(name)).status.scaling ?? [];
  if (found === undefined) throw new Error(`${name} does not follow its load`);
  return found;
}
