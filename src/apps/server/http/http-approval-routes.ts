import {
  approvalReceiptSchema,
  approvalRequestListSchema,
  type ApprovalRequestView,
  approvalSubmitSchema,
  type PersonChange,
  personChangeSchema,
  personListSchema,
  personReceiptSchema,
} from '../../../api/approvals-wire.ts';
import type { ApprovalDesk, OpenRequest } from '../../../control/desks/approval-desk.ts';
import { changePeople, peopleOf } from '../../../control/recording/person-register.ts';
import type { Recorder } from '../../../control/recording/recorder.ts';
import { readApproval } from '../../../domain/evidence/approval/approval.ts';
import { EvidenceError } from '../../../domain/evidence/canonical-json.ts';
import type { PersonEvent } from '../../../domain/evidence/approval/person-enrolment.ts';
import { ofBody, ofServer, ofService, serviceResource, type Wish } from '../access/route-access.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { timeText } from '../views/time-text.ts';

export interface ApprovalParts {
  readonly desk: ApprovalDesk;
  readonly recorder: Pick<Recorder, 'record' | 'keys' | 'size'>;
  readonly signal: AbortSignal;
}

/** Who may approve, what waits for it, and the word itself. Private keys never come here: only what they signed. */
export function addApprovalRoutes(http: Http, parts: ApprovalParts): void {
  const { desk, recorder, signal } = parts;
  http.get(
    '/v1/approvals',
    {
      config: ofService('approvals:read', () => null),
      schema: { response: { 200: approvalRequestListSchema } },
    },
    async (request) => ({
      items: (await desk.open(signal))
        .filter(({ service }) => request.sees(service))
        .map(requestView),
    }),
  );
  http.post(
    '/v1/approvals',
    {
      config: ofBody(['approvals:submit'], 'own', ({ body }) => approvalWish(parts, body)),
      schema: { body: approvalSubmitSchema, response: { 200: approvalReceiptSchema } },
    },
    async (request) => {
      const said = await desk.say(request.body.envelope, signal);
      if (said.kind === 'refused') throw new HttpProblem(409, `not recorded: ${said.because}`);
      return { entryIndex: said.index, sentence: standingText(said.open) };
    },
  );
  http.get(
    '/v1/people',
    { config: ofServer('people:read'), schema: { response: { 200: personListSchema } } },
    async () => ({
      items: peopleOf(recorder).map(({ person, roles, keys }) => {
        return { person, roles: [...roles], keys: keys.map((key) => ({ ...key })) };
      }),
    }),
  );
  http.post(
    '/v1/people',
    {
      config: ofServer('people:write', 'own'),
      schema: { body: personChangeSchema, response: { 200: personReceiptSchema } },
    },
    async (request) => {
      const changed = await changePeople(recorder, eventOf(request.body), signal);
      if (changed.kind === 'refused') throw new HttpProblem(409, changed.because);
      return { entryIndex: changed.index, sentence: changed.sentence };
    },
  );
}

/** Of the service whose request it answers; one that answers none is refused by the desk. */
async function approvalWish({ desk, signal }: ApprovalParts, body: unknown): Promise<Wish> {
  const { envelope } = approvalSubmitSchema.parse(body);
  const sha256 = requestOf(envelope);
  const request = (await desk.open(signal)).find((each) => each.sha256 === sha256);
  return { action: 'approvals:submit', resources: [serviceResource(request?.service ?? null)] };
}

function requestOf(envelope: string): string | null {
  try {
    return readApproval(envelope).approval.requestSha256;
  } catch (error) {
    if (error instanceof EvidenceError) return null;
    throw error;
  }
}

function eventOf(change: PersonChange): PersonEvent {
  const { who: by } = change;
  switch (change.action) {
    case 'enrol': {
      const { enrolment, roles } = change;
      return { action: 'enrol-person', by, enrolment, roles };
    }
    case 'assign-roles': {
      const { person, roles } = change;
      return { action: 'assign-roles', by, person, roles };
    }
    case 'revoke': {
      const { keyId, reason } = change;
      return { action: 'revoke-person', by, keyId, reason };
    }
  }
}

function requestView(open: OpenRequest): ApprovalRequestView {
  const { service, rolloutId, index, sha256, request, quorum } = open;
  const { policy, policySha256, stepNumber, author } = request;
  const refused = new Map(quorum.refused.map((each) => [each.index, each.why]));
  return {
    service,
    rolloutId,
    stepNumber,
    entryIndex: index,
    sha256,
    data: open.data as ApprovalRequestView['data'],
    policySha256,
    rules: policy.rules.map((rule) => ({ ...rule })),
    validForMs: policy.validForMs,
    author,
    state: quorum.kind,
    missing: quorum.kind === 'open' ? quorum.missing.map((rule) => ({ ...rule })) : [],
    approvals: open.approvals.map(({ approval, ...each }) => ({
      entryIndex: each.index,
      person: each.person,
      role: approval.role,
      verdict: approval.verdict,
      at: timeText(each.observedAtMs),
      expiresAt: timeText(approval.expiresAtMs),
      reason: approval.reason,
      refused: refused.get(each.index) ?? null,
    })),
  };
}

function standingText({ rolloutId, quorum }: OpenRequest): string {
  switch (quorum.kind) {
    case 'met':
      return `${rolloutId} has all approvals it needs`;
    case 'rejected':
      return `${rolloutId} is rejected by ${quorum.person}`;
    case 'open': {
      const missing = quorum.missing.map(({ role, count }) => `${count} ${role}`).join(', ');
      return `${rolloutId} still needs ${missing}`;
    }
  }
}
