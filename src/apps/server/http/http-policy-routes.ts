import {
  type PolicyCheck,
  type PolicyCheckRequest,
  policyCheckRequestSchema,
  policyCheckSchema,
} from '../../../api/policy-wire.ts';
import type { Authorization } from '../../../domain/authorization/authorization.ts';
import type { ControlLoop } from '../../../control/loop/loop.ts';
import { explainCache } from '../../../domain/cache/explain-cache.ts';
import { callerNamed, explainAccess } from '../../../domain/authorization/explain-access.ts';
import { ofBody, serviceResource } from '../access/route-access.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';

export interface PolicyParts {
  readonly loop: Pick<ControlLoop, 'service'>;
  /** Of services that declare none. */
  readonly defaultAuthorization: Authorization | undefined;
}

/** Which rule decides about a request that nobody has sent. */
export function addPolicyRoutes(http: Http, parts: PolicyParts): void {
  http.post(
    '/v1/policy/check',
    {
      config: ofBody(['services:read'], 'none', ({ body }) => {
        const { to } = policyCheckRequestSchema.parse(body);
        return { action: 'services:read', resources: [serviceResource(to)] };
      }),
      schema: { body: policyCheckRequestSchema, response: { 200: policyCheckSchema } },
    },
    async (request) => checked(request.body, parts),
  );
}

function checked(
  question: PolicyCheckRequest,
  { loop, defaultAuthorization }: PolicyParts,
): PolicyCheck {
  const { from, trustDomain, address, to, method, path, claims } = question;
  const named = callerNamed(from, { trustDomain, address });
  if (named.kind === 'unknown') throw new HttpProblem(400, named.message);
  const state = loop.service(to);
  if (state === null || state.spec === null || state.isDeleted) {
    throw new HttpProblem(404, `there is no service ${JSON.stringify(to)}; see: tidegate status`);
  }
  const { caller } = named;
  const asked = {
    caller,
    service: to,
    method,
    target: path,
    claims: new Map(Object.entries(claims)),
  };
  const declared = state.spec.trafficPolicy?.authorization;
  const { isAllowed, mode, rule, sentence } = explainAccess(
    declared ?? defaultAuthorization,
    asked,
  );
  const isDefault = declared === undefined && !isAllowed;
  const by =
    rule === null ? null : { name: rule.name, action: rule.action, place: rule.place ?? null };
  const { principal } = caller;
  return {
    kind: 'PolicyCheck',
    allowed: isAllowed,
    mode,
    rule: by,
    principal,
    address: caller.address,
    sentence: isDefault
      ? `denied: ${to} declares no authorization, and the default of this installation is deny`
      : `${sentence}${isAllowed ? explainCache(state.spec.trafficPolicy?.cache, question) : ''}`,
  };
}
