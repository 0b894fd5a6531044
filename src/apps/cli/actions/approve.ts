import type { ApprovalRequest } from '../../../api/client/generated/schemas.ts';
import {
  APPROVAL_PAYLOAD_TYPE,
  approvalPayload,
  approvalPolicySha256,
  requestSha256,
} from '../../../domain/evidence/approval/approval.ts';
import type { JsonValue } from '../../../domain/evidence/canonical-json.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, say, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';
import { type KeyOptions, openKey } from './person-keys.ts';

export interface ApproveOptions extends KeyOptions {
  readonly role?: string;
  readonly reason: string;
  readonly reject?: boolean;
  readonly withdraw?: boolean;
  readonly validFor?: number;
}

export async function listApprovals(
  session: Session,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const items = await askRequests(client, session.signal);
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    say(session, 'no step waits for signed approvals');
    return exitCodes.ok;
  }
  const heads = ['ROLLOUT', 'STEP', 'STATE', 'NEEDS', 'SAID'];
  const rows = items.map((each) => {
    return [
      each.rolloutId,
      String(each.stepNumber),
      each.state,
      rulesText(each.missing),
      saidText(each),
    ];
  });
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

/**
 * Signs here, on the person's machine. The digests are computed from what was shown, not taken from the server: a server that
 * shows one thing and lets another be signed is found out.
 */
export async function approve(
  session: Session,
  rollout: string,
  options: ApproveOptions,
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const items = await askRequests(client, session.signal);
  const request = items.find(({ rolloutId }) => rolloutId === rollout);
  if (request === undefined) {
    throw new CliError(`${rollout} waits for no signed approval`, {
      code: 'refused',
      remedy: 'see what waits: tidegate approvals',
    });
  }
  checkDigests(request);
  const pair = await openKey(session, options);
  const verdict =
    options.withdraw === true ? 'withdraw' : options.reject === true ? 'reject' : 'approve';
  say(session, ...shownLines(request), '');
  const payload = approvalPayload({
    requestSha256: request.sha256,
    policySha256: request.policySha256,
    verdict,
    role: roleOf(request, options.role),
    // The server's clock may be ahead or behind by a little.
    expiresAtMs:
      Date.now() + Math.min(options.validFor ?? Infinity, request.validForMs - clockSlackMs),
    reason: options.reason,
  });
  const envelope = pair.sign(APPROVAL_PAYLOAD_TYPE, payload);
  const { entryIndex, sentence } = await client.post('/v1/approvals', {
    body: { envelope },
    signal: session.signal,
  });
  print(session, [`${verdict} by ${pair.person} is entry ${entryIndex}: ${harmless(sentence)}`]);
  return exitCodes.ok;
}

const clockSlackMs = 30_000;

async function askRequests(
  client: Client,
  signal: AbortSignal,
): Promise<readonly ApprovalRequest[]> {
  return (await client.get('/v1/approvals', { signal })).items;
}

function checkDigests(request: ApprovalRequest): void {
  const { rules, validForMs } = request;
  const isSame =
    // It was read from JSON, so it is JSON.
    requestSha256(request.data as JsonValue) === request.sha256 &&
    approvalPolicySha256({ rules, validForMs }) === request.policySha256;
  if (isSame) return;
  throw new CliError(`what the server shows of ${request.rolloutId} is not what it asks to sign`, {
    code: 'unexpected-answer',
    remedy: 'sign nothing; verify its ledger: tidegate verify',
  });
}

function roleOf(request: ApprovalRequest, role: string | undefined): string {
  if (role !== undefined) return role;
  const [only, ...others] = request.rules.map((rule) => rule.role);
  if (only !== undefined && others.length === 0) return only;
  throw new CliError(
    `${request.rolloutId} asks for ${rulesText(request.rules)}: say as whom you speak`,
    {
      code: 'usage',
      remedy: `--role ${request.rules.map((rule) => rule.role).join(' or --role ')}`,
    },
  );
}

/** From the very data that is signed for. */
function shownLines({ data, sha256, stepNumber, rules, author }: ApprovalRequest): string[] {
  const field = (key: string): string => {
    const value = data[key];
    return typeof value === 'string' || typeof value === 'number' ? harmless(String(value)) : '-';
  };
  return [
    `rollout    ${field('rolloutId')} of ${field('service')}, begun by ${harmless(author)}`,
    `candidate  ${field('toRevisionId')} instead of ${field('fromRevisionId')}`,
    `step       ${stepNumber}, at ${field('weightPercent')} %, needs ${rulesText(rules)}`,
    `gate       ${field('sentence')}`,
    `digest     ${sha256}`,
  ];
}

function rulesText(rules: readonly { readonly role: string; readonly count: number }[]): string {
  return rules.map(({ role, count }) => `${count} ${role}`).join(', ') || '-';
}

function saidText({ approvals }: ApprovalRequest): string {
  const said = approvals.map(({ person, verdict, role, refused }) => {
    return `${person} ${verdict} as ${role}${refused === null ? '' : ` (does not count: ${refused})`}`;
  });
  return harmless(said.join('; ')) || '-';
}
