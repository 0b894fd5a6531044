import { shopFolder } from './world.fixture.ts';

/** A release of the shop's `payments`, which needs nobody, under any name and with any of the shop's faults. */
export interface ReleaseWish {
  readonly version: string;
  /** Default `pay`; its host is NAME.localhost. */
  readonly name?: string;
  /** Switches of examples/shop/faults.js. */
  readonly faults?: Readonly<Record<string, string>>;
  /** As in a release file. */
  readonly steps?: readonly string[];
  readonly bake?: string;
  readonly instances?: number;
  /** In place of `instances`. */
  readonly scale?: string;
  /** Default: node with the shop's payments. */
  readonly command?: readonly string[];
  /** What `run.resources` says, in braces. */
  readonly resources?: string;
  readonly timeout?: string;
  readonly dependsOn?: readonly string[];
  /** Further lines of `health:`. */
  readonly health?: Readonly<Record<string, string>>;
  /** Lines of `rollout:`, in place of steps. */
  readonly rollout?: string;
  /** What `blueGreen:` says, in braces; then there are no steps. */
  readonly blueGreen?: string;
  /** What `objectives:` says, in brackets. */
  readonly objectives?: string;
  /** Further lines of `gate:`. */
  readonly gate?: Readonly<Record<string, string>>;
}

/** A plan that is through in some 4 s at 300 requests/s: what a test of the whole product can wait for. */
const quick = {
  steps: ['20%', '100%'],
  bake: '1s',
  gate: { worseBy: '3pp', soak: '1s', atMost: '1m' },
  // Both are for machines that are very slow; what ends or is ready sooner waits for nothing.
  health: { stopGrace: '10s', startTimeout: '60s' },
};

export function release(wish: ReleaseWish): string {
  const { name = 'pay', version } = wish;
  const list = (items: readonly string[]): string => `[${items.join(', ')}]`;
  const map = (items: Readonly<Record<string, string>>): string =>
    `{ ${Object.entries(items)
      .map(([key, value]) => `${key}: ${value}`)
      .join(', ')} }`;
  const quoted = Object.entries({ VERSION: version, ...wish.faults }).map(
    ([key, value]) => [key, `'${value}'`] as const,
  );
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: ${name}, labels: { version: ${version} } }
spec:
  run:
    command: ${list(wish.command ?? ['node', 'payments.js'])}
    env: ${map(Object.fromEntries(quoted))}
    workingDirectory: ${JSON.stringify(shopFolder)}
    resources: ${wish.resources ?? '{}'}
  health: ${map({ ready: '/readyz', ...quick.health, ...wish.health })}
  dependsOn: ${list(wish.dependsOn ?? [])}
  scale: ${wish.scale ?? `{ min: ${wish.instances ?? 1} }`}
  traffic: { host: ${name}.localhost, timeout: ${wish.timeout ?? '30s'} }
  objectives: ${wish.objectives ?? '[]'}
  rollout:
    ${strategyOf(wish)}
    gate: ${map({ ...quick.gate, ...wish.gate })}
    bake: ${wish.bake ?? quick.bake}
`;
}

function strategyOf({ rollout, blueGreen, steps = quick.steps }: ReleaseWish): string {
  if (rollout !== undefined) return rollout;
  if (blueGreen === undefined) return `steps: [${steps.join(', ')}]`;
  return `strategy: blueGreen\n    blueGreen: ${blueGreen}`;
}
