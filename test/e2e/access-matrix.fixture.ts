/** Who may do what at the API, written by hand from docs/guides/access.md: not made from the policies, which it tests. */
import type { Role } from '../../src/domain/identity/role.ts';

export interface MatrixRow {
  /** As the OpenAPI document has it. */
  readonly route: string;
  /** Further words where one route does several things. */
  readonly what?: string;
  readonly path: string;
  readonly body?: object;
  readonly roles: readonly Role[];
  /** Of one service: a token for another one is refused. */
  readonly isOfService?: boolean;
}

const all: readonly Role[] = ['viewer', 'developer', 'approver', 'operator', 'admin', 'auditor'];
const developing: readonly Role[] = ['developer', 'operator', 'admin'];
const operating: readonly Role[] = ['operator', 'admin'];
const auditing: readonly Role[] = ['admin', 'auditor'];
const admin: readonly Role[] = ['admin'];

const hand = { who: 'somebody else', why: 'a matrix' };
const file = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: nobody }
spec: { run: { command: [node, x.js] }, health: { ready: / }, dependsOn: [nothing-there] }
`;
const files = [{ path: '/nowhere/nobody.yaml', text: file }];

const latencies = { p50Ms: 1, p95Ms: 1, p99Ms: 1, maxMs: 1 };
const loadTest = {
  path: '/',
  thresholds: { errorRatioMax: null, p99MsMax: null },
  failedThresholds: [],
  result: {
    ...latencies,
    service: latencies,
    targetRps: 1,
    achievedRps: 1,
    startedAtMs: 1,
    durationMs: 1,
    scheduled: 1,
    requests: 1,
    dropped: 0,
    errors: 0,
    byStatus: { 200: 1 },
    byError: {},
    p999Ms: 1,
    sendLagP99Ms: 0,
    sendLagMaxMs: 0,
    cpuUsPerRequest: 1,
    valid: true,
    invalidBecause: [],
    series: [],
  },
};

const policyCheck = {
  from: 'anonymous',
  trustDomain: 'example.org',
  address: null,
  to: 'nobody',
  method: 'GET',
  path: '/',
  claims: {},
};

/** By cookie it ends what the other rows are asked with. */
export const signOut: MatrixRow = { route: 'DELETE /v1/session', path: '/v1/session', roles: all };

/** Bodies are such that who may gets as far as the handler, which then finds that there is no such thing. */
export const matrix: readonly MatrixRow[] = [
  { route: 'GET /v1/status', path: '/v1/status', roles: all },
  { route: 'GET /v1/services', path: '/v1/services', roles: all },
  { route: 'GET /v1/services/{name}', path: '/v1/services/nobody', roles: all, isOfService: true },
  {
    route: 'GET /v1/services/{name}/rollouts',
    path: '/v1/services/nobody/rollouts',
    roles: all,
    isOfService: true,
  },
  { route: 'GET /v1/rollouts', path: '/v1/rollouts', roles: all },
  { route: 'GET /v1/rollouts/{id}', path: '/v1/rollouts/nobody-1', roles: all, isOfService: true },
  {
    route: 'GET /v1/rollouts/{id}/samples',
    path: '/v1/rollouts/nobody-1/samples',
    roles: all,
    isOfService: true,
  },
  {
    route: 'GET /v1/rollouts/{id}/preview',
    path: '/v1/rollouts/nobody-1/preview?action=pause',
    roles: developing,
    isOfService: true,
  },
  {
    route: 'GET /v1/rollouts/{id}/preview',
    what: 'of a promotion',
    path: '/v1/rollouts/nobody-1/preview?action=promote',
    roles: operating,
    isOfService: true,
  },
  {
    route: 'GET /v1/graph',
    path: '/v1/graph?service=nobody',
    roles: all,
    isOfService: true,
  },
  {
    route: 'POST /v1/cache-purges',
    path: '/v1/cache-purges',
    body: { service: 'nobody', what: { kind: 'all' }, ...hand },
    roles: developing,
    isOfService: true,
  },
  {
    route: 'GET /v1/rollouts/{id}/replay',
    path: '/v1/rollouts/nobody-1/replay',
    roles: all,
    isOfService: true,
  },
  {
    route: 'GET /v1/rollouts/{id}/evidence',
    path: '/v1/rollouts/nobody-1/evidence',
    roles: all,
    isOfService: true,
  },
  { route: 'GET /v1/estimate/{id}', path: '/v1/estimate/nobody', roles: all, isOfService: true },
  {
    route: 'POST /v1/estimate',
    path: '/v1/estimate',
    body: { files, requestsPerSecond: null, baseErrorRatio: null },
    roles: all,
    isOfService: true,
  },
  {
    route: 'POST /v1/services/{name}/flags/evaluate',
    path: '/v1/services/nobody/flags/evaluate',
    body: { context: {} },
    roles: all,
    isOfService: true,
  },
  {
    route: 'POST /v1/policy/check',
    path: '/v1/policy/check',
    body: policyCheck,
    roles: all,
    isOfService: true,
  },
  { route: 'GET /v1/events', path: '/v1/events', roles: all },
  { route: 'GET /v1/timeline', path: '/v1/timeline', roles: all },
  {
    route: 'GET /v1/logs',
    path: '/v1/logs?service=nobody',
    roles: developing,
    isOfService: true,
  },
  { route: 'GET /v1/approvals', path: '/v1/approvals', roles: all },
  {
    route: 'POST /v1/approvals',
    path: '/v1/approvals',
    body: { envelope: '{}' },
    roles: ['approver', 'admin'],
  },
  { route: 'GET /v1/people', path: '/v1/people', roles: auditing },
  {
    route: 'POST /v1/people',
    path: '/v1/people',
    body: { action: 'revoke', keyId: '0'.repeat(64), reason: 'a matrix', ...hand },
    roles: admin,
  },
  { route: 'GET /v1/tokens', path: '/v1/tokens', roles: auditing },
  {
    route: 'POST /v1/tokens',
    path: '/v1/tokens',
    body: { person: 'eve', role: 'viewer', services: ['BAD/'], lastsMs: 60_000, ...hand },
    roles: admin,
  },
  {
    route: 'POST /v1/tokens/{id}/revoke',
    path: '/v1/tokens/nothing/revoke',
    body: hand,
    roles: admin,
  },
  { route: 'GET /v1/session', path: '/v1/session?services=nobody', roles: all },
  { route: 'GET /v1/sessions', path: '/v1/sessions', roles: all },
  // One's own is everybody's to end; of others, and of what there is not, those who may end tokens.
  { route: 'DELETE /v1/sessions/{id}', path: '/v1/sessions/nothing', roles: admin },
  {
    route: 'POST /v1/login-links',
    path: '/v1/login-links',
    body: { person: 'eve', role: 'viewer', services: ['BAD/'], ...hand },
    roles: admin,
  },
  signOut,
  { route: 'GET /v1/faults', path: '/v1/faults', roles: all },
  {
    route: 'POST /v1/faults',
    what: 'add',
    path: '/v1/faults',
    body: {
      action: 'add',
      service: 'nobody',
      lastsMs: 1_000,
      percent: 10,
      delayMs: 5,
      abort: null,
      revision: null,
      instance: null,
      rule: null,
      match: null,
      isEvidence: false,
      ...hand,
    },
    roles: operating,
    isOfService: true,
  },
  {
    route: 'POST /v1/faults',
    what: 'remove',
    path: '/v1/faults',
    body: { action: 'remove', id: 'nobody-fault-1', ...hand },
    roles: operating,
  },
  {
    route: 'POST /v1/apply',
    path: '/v1/apply',
    body: { files, ...hand },
    roles: developing,
    isOfService: true,
  },
  {
    route: 'POST /v1/apply',
    what: 'dry run',
    path: '/v1/apply',
    body: { files, dryRun: true, ...hand },
    roles: developing,
    isOfService: true,
  },
  ...(['pause', 'resume', 'abort', 'retry', 'undo'] as const).map((action) =>
    operation({ action, ...hand }, developing),
  ),
  ...(['promote', 'promote-full', 'restart', 'delete'] as const).map((action) =>
    operation({ action, ...hand }, operating),
  ),
  operation({ action: 'promote', override: true, ...hand }, operating),
  {
    route: 'POST /v1/services/{name}/load-tests',
    path: '/v1/services/nobody/load-tests',
    body: { ...hand, ...loadTest },
    roles: developing,
    isOfService: true,
  },
  {
    route: 'GET /v1/ledger/inputs/{sha256}',
    path: `/v1/ledger/inputs/${'0'.repeat(64)}`,
    roles: auditing,
  },
  { route: 'GET /v1/ledger/export', path: '/v1/ledger/export?from=1000000', roles: auditing },
  { route: 'POST /v1/ledger/checkpoint', path: '/v1/ledger/checkpoint', roles: operating },
  {
    route: 'POST /v1/ledger/keys/rotate',
    path: '/v1/ledger/keys/rotate',
    body: { who: 'somebody else', reason: 'a matrix' },
    roles: admin,
  },
  // The one that is allowed ends the server.
  { route: 'POST /v1/stop', path: '/v1/stop', body: { all: false, ...hand }, roles: admin },
];

function operation(
  body: { readonly action: string; readonly override?: boolean },
  roles: readonly Role[],
): MatrixRow {
  return {
    route: 'POST /v1/services/{name}/actions',
    what: body.override === true ? 'override' : body.action,
    path: '/v1/services/nobody/actions',
    body,
    roles,
    isOfService: true,
  };
}

/** Routes of the document without a row, and rows without a route. */
export function unmatched(
  document: { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> },
  rows: readonly MatrixRow[],
): string[] {
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const signIn = ['POST /v1/session', 'GET /v1/session/ways', 'GET /v1/session/oidc'];
  const open = new Set(['GET /livez', 'GET /readyz', 'GET /v1/session/oidc/callback', ...signIn]);
  const wanted = new Set(routes.filter((route) => !open.has(route)));
  const had = new Set(rows.map(({ route }) => route));
  return [
    ...[...wanted].filter((each) => !had.has(each)).map((each) => `${each} has no row`),
    ...[...had].filter((each) => !wanted.has(each)).map((each) => `${each} is no route`),
  ];
}
