import { execFile } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';
import { residentBytesOf } from '../process-stat.ts';
import { launcher, projectFolder, World } from '../world.ts';

export const about =
  'time of `tidegate --help`, memory of server and gateway, size of an installation';

export async function run(options: BenchOptions): Promise<BenchReport> {
  const starts = await measureStarts(options.isQuick ? 5 : 15, options);
  const memory = await measureMemory(options);
  const install = await measureInstall(options);
  const helpMs = starts.get('tidegate --help') ?? null;
  const bareMs = starts.get('node -e 0') ?? null;
  const npmMs = starts.get('npm --version') ?? null;
  return {
    tables: [
      {
        heads: ['COMMAND', 'MEDIAN MS', 'TIMES BARE NODE'],
        rows: [...starts].map(([name, ms]) => [name, cell(ms), cell(ratioOf(ms, bareMs), 1)]),
      },
      {
        heads: ['RESIDENT MEMORY', 'IDLE MB', 'AFTER A ROLLOUT MB'],
        rows: [
          ['server', megabytes(memory.idle.serverBytes), megabytes(memory.after.serverBytes)],
          ['gateway', megabytes(memory.idle.gatewayBytes), megabytes(memory.after.gatewayBytes)],
          ['node -e 0 (bare)', megabytes(memory.bareBytes), '-'],
        ],
      },
      {
        heads: ['INSTALLATION', 'MB', 'FILES'],
        rows: [
          ['package (npm pack)', megabytes(install.packageBytes), '1'],
          ['installed, with all dependencies', megabytes(install.bytes), String(install.files)],
          ['  of it tidegate itself', megabytes(install.ownBytes), String(install.ownFiles)],
        ],
      },
    ],
    notes: [
      'Installed without Node itself (npm i --omit=dev of the packed file in an empty folder).',
    ],
    result: {
      helpMsMedian: rounded(helpMs, 1),
      bareNodeMsMedian: rounded(bareMs, 1),
      npmVersionMsMedian: rounded(npmMs, 1),
      helpTimesBareNode: rounded(ratioOf(helpMs, bareMs), 2),
      serverIdleBytes: memory.idle.serverBytes,
      gatewayIdleBytes: memory.idle.gatewayBytes,
      serverAfterRolloutBytes: memory.after.serverBytes,
      gatewayAfterRolloutBytes: memory.after.gatewayBytes,
      packageBytes: install.packageBytes,
      installedBytes: install.bytes,
      installedPackages: install.packages,
    },
  };
}

/** Interleaved, so that a busy moment of the machine meets all of them; the first round only warms caches. */
async function measureStarts(
  rounds: number,
  { say }: BenchOptions,
): Promise<ReadonlyMap<string, number | null>> {
  const commands: readonly (readonly [string, string, readonly string[]])[] = [
    ['node -e 0', process.execPath, ['-e', '0']],
    ['tidegate --help', process.execPath, [launcher, '--help']],
    ['npm --version', 'npm', ['--version']],
  ];
  const times = new Map<string, number[]>(commands.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, program, argv] of commands) {
      const startedMs = performance.now();
      await promisify(execFile)(program, [...argv]);
      if (round > 0) times.get(name)?.push(performance.now() - startedMs);
    }
  }
  say(`started each of ${commands.length} commands ${rounds} times`);
  return new Map([...times].map(([name, each]) => [name, medianOf(each)]));
}

interface Memory {
  readonly serverBytes: number;
  readonly gatewayBytes: number;
}

async function measureMemory({ isQuick, say }: BenchOptions): Promise<{
  readonly idle: Memory;
  readonly after: Memory;
  readonly bareBytes: number;
}> {
  await using world = await World.open();
  await sleep(1_000);
  const idle = await memoryOf(world);
  const gate = { worseBy: '5pp', soak: '1s' };
  const rollout = { steps: ['50%', '100%'], gate, bake: '0s' };
  const service = { name: 'small', env: {}, rollout };
  await world.release({ ...service, version: 'v1' });
  const duration = isQuick ? '4s' : '10s';
  const load = world.tidegate('load', '--service', 'small', '--rps', '200', '--duration', duration);
  // Its verdict on the generator's punctuality is of no interest here.
  const loaded = load.catch(() => '');
  await world.release({ ...service, version: 'v2' });
  await loaded;
  const after = await memoryOf(world);
  say('released a service under load');
  const script = 'console.log(process.memoryUsage.rss())';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  return { idle, after, bareBytes: Number(stdout) };
}

async function memoryOf(world: World): Promise<Memory> {
  const { pid, gateway } = await world.status();
  return {
    serverBytes: await residentBytesOf(pid),
    gatewayBytes: gateway.pid === null ? 0 : await residentBytesOf(gateway.pid),
  };
}

async function measureInstall({ say }: BenchOptions): Promise<{
  readonly packageBytes: number;
  readonly bytes: number;
  readonly files: number;
  readonly ownBytes: number;
  readonly ownFiles: number;
  readonly packages: number;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-install-'));
  try {
    await npm(['pack', '--pack-destination', folder], projectFolder);
    const [packed = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    const packageBytes = (await lstat(join(folder, packed))).size;
    say(`packed ${packed}`);
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const flags = ['--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'];
    await npm(['install', ...flags, join(folder, packed)], folder);
    say('installed it in an empty folder');
    const modules = join(folder, 'node_modules');
    const all = await sizeOf(modules);
    const own = await sizeOf(join(modules, 'tidegate'));
    const lock = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, unknown>>;
    };
    return {
      packageBytes,
      bytes: all.bytes,
      files: all.files,
      ownBytes: own.bytes,
      ownFiles: own.files,
      packages: Object.keys(lock.packages).length,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function npm(argv: readonly string[], folder: string): Promise<void> {
  await promisify(execFile)('npm', [...argv], { cwd: folder, maxBuffer: 16 * 1024 * 1024 });
}

/** Bytes of the files themselves, not of the blocks they take. */
async function sizeOf(folder: string): Promise<{ readonly bytes: number; readonly files: number }> {
  let bytes = 0;
  let files = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    bytes += (await lstat(join(entry.parentPath, entry.name))).size;
    files += 1;
  }
  return { bytes, files };
}

function ratioOf(value: number | null, base: number | null): number | null {
  return value === null || base === null ? null : value / base;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
