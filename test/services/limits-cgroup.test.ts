/**
 * What a kernel does with the limits of instances, by cgroup v2 with memory and CPU. Where this machine has none that may be
 * written (containers, or hierarchies of v1), the same runs in a kernel of its own: User-Mode Linux, as a process of this user.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  openCgroupPlace,
  tidyCgroups,
} from '../../src/adapters/local-process/limits/cgroup-place.ts';

const fixture = fileURLToPath(new URL('limits-cgroup.fixture.ts', import.meta.url));
const kernel = '/usr/bin/linux.uml';
const boundMs = 1_800_000;

interface Found {
  readonly files: {
    readonly written: Readonly<Record<string, string>>;
    readonly limits: unknown;
    readonly isChildWithin: boolean;
    readonly isChildEnded: boolean;
    readonly isGone: boolean;
  };
  readonly eaten: { readonly reason: string; readonly count: number; readonly state: string };
  readonly eatenUnseen: { readonly reason: string; readonly isGone: boolean };
  readonly throttled: { readonly isThrottled: boolean };
  readonly troubles: readonly string[];
  readonly left: readonly string[];
}

/** Null: this machine has no such cgroups, and no kernel to run instead. */
type Ground = 'here' | 'user-mode-linux' | null;

const ground = findGround();
const skip =
  ground === null
    ? 'no cgroup v2 with memory and CPU may be written, and user-mode-linux is not installed'
    : false;

suite('limits held by the kernel', { skip }, () => {
  let root: Found;
  let delegated: Found;

  before(async () => {
    [root, delegated] = await run(ground);
  });

  test('memory, its end of all together, CPU and its weight are written', () => {
    assert.deepEqual(root.files.written, {
      'memory.max': `${300 * 2 ** 20}`,
      'memory.oom.group': '1',
      'cpu.max': '25000 100000',
      'cpu.weight': '20',
    });
    assert.deepEqual(root.files.limits, {
      memory: { bytes: 300 * 2 ** 20, enforcedBy: 'cgroup' },
      cpu: { cores: 0.25, enforcedBy: 'cgroup' },
      trouble: null,
    });
    assert.deepEqual(root.troubles, []);
  });

  test('what it starts is in its cgroup, and ends with it even in a session of its own', () => {
    assert.ok(root.files.isChildWithin);
    assert.ok(root.files.isChildEnded);
  });

  test('who reaches the limit is ended by the kernel and named OOMKilled', () => {
    assert.match(
      root.eaten.reason,
      /^OOMKilled \(exit code 137\) after \d+\.\d s: it reached its memory limit of 200 MiB, enforced by its cgroup$/,
    );
    assert.deepEqual([root.eaten.count, root.eaten.state], [1, 'backing-off']);
  });

  test('who was ended while no server was there is named OOMKilled by the next one', () => {
    assert.match(root.eatenUnseen.reason, /^OOMKilled /);
  });

  test('who may use a tenth of a core is slowed', () => {
    assert.ok(root.throttled.isThrottled);
  });

  test('no cgroup is left', () => {
    assert.ok(root.files.isGone && root.eatenUnseen.isGone);
    assert.deepEqual(root.left, []);
  });

  test('another user does the same in a cgroup that was delegated to it', () => {
    assert.deepEqual(delegated.files.written, root.files.written);
    assert.match(delegated.eaten.reason, /^OOMKilled .* enforced by its cgroup$/);
    assert.deepEqual([delegated.troubles, delegated.left], [[], []]);
  });
});

function findGround(): Ground {
  const trial = join(tmpdir(), 'tidegate-cgroup-trial');
  const { folder, missing } = openCgroupPlace('auto', trial);
  tidyCgroups('auto', trial, new Set());
  if (folder !== null && Object.keys(missing).length === 0) return 'here';
  return spawnSync(kernel, ['--version']).status === 0 ? 'user-mode-linux' : null;
}

async function run(where: Ground): Promise<readonly [Found, Found]> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-limits-'));
  try {
    // Others than root must be able to read it.
    await chmod(folder, 0o755);
    const script = join(folder, 'init.sh');
    await writeFile(script, scriptOf(where === 'user-mode-linux'), { mode: 0o755 });
    const said =
      where === 'here'
        ? execFileSync('/bin/sh', [script], { encoding: 'utf8', timeout: boundMs })
        : boot(script, folder);
    const lines = [...said.matchAll(/FOUND (\{.*\})/g)].map(([, text = '']) => text);
    assert.equal(lines.length, 2, said);
    const [asRoot, asOther] = lines.map((line) => JSON.parse(line) as Found);
    assert.ok(asRoot !== undefined && asOther !== undefined);
    return [asRoot, asOther];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The files of this machine are its root; everything else is its own. It ends with its init. */
function boot(init: string, folder: string): string {
  const ran = spawnSync(
    kernel,
    [
      'mem=1536M',
      'root=/dev/root',
      'rootfstype=hostfs',
      'rootflags=/',
      'rw',
      `init=${init}`,
      'con0=fd:0,fd:1',
      'con=null',
      'quiet',
      'panic=1',
    ],
    {
      encoding: 'latin1',
      timeout: boundMs,
      killSignal: 'SIGKILL',
      input: '',
      env: { HOME: folder, TMPDIR: tmpdir(), PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      maxBuffer: 2 ** 26,
    },
  );
  return `${ran.stdout}${ran.stderr}`;
}

/** First as root; then as another user, in a cgroup that root hands over as systemd does with Delegate= and DelegateSubgroup=. */
function scriptOf(isOwnKernel: boolean): string {
  const mounts = `mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
mount -t tmpfs -o mode=1777 tmpfs /run
export TMPDIR=/run
`;
  const base = '/sys/fs/cgroup/tidegate-delegated-test';
  const wish = JSON.stringify({ folder: base });
  // It may read wherever the project lies, and write only what is its own.
  const read = '--inh-caps=+dac_read_search --ambient-caps=+dac_read_search';
  const other = `setpriv --reuid=nobody --clear-groups ${read}`;
  const node = `${process.execPath} --disable-warning=ExperimentalWarning ${fixture}`;
  return `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
${isOwnKernel ? mounts : ''}${node} '"auto"' 2>&1
echo '+memory +cpu' > /sys/fs/cgroup/cgroup.subtree_control
mkdir ${base} ${base}/server
chown nobody ${base} ${base}/cgroup.procs ${base}/cgroup.subtree_control ${base}/server ${base}/server/cgroup.procs
sh -c 'echo $$ > ${base}/server/cgroup.procs; exec ${other} ${node} "$0"' '${wish}' 2>&1
rmdir ${base}/server ${base}
${isOwnKernel ? 'echo o > /proc/sysrq-trigger\nexec sleep 60\n' : ''}`;
}
