import { randomBytes } from 'node:crypto';
import { z } from 'zod';

import {
  tokenCreatedSchema,
  tokenCreateSchema,
  tokenListSchema,
  tokenRevokedSchema,
  tokenRevokeSchema,
  type TokenView,
} from '../../../api/tokens-wire.ts';
import type {
  ApiToken,
  TokenRegister,
  TokenSaid,
} from '../../../control/recording/token-register.ts';
import { ofServer } from '../access/route-access.ts';
import type { EventFeed } from '../event-feed.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';
import { timeText } from '../views/time-text.ts';

export interface TokenParts {
  readonly tokens: TokenRegister;
  readonly feed: EventFeed;
  readonly signal: AbortSignal;
}

/** How long the entry is waited for. */
const boundMs = 20_000;

/** Who may use the API from elsewhere. */
export function addTokenRoutes(http: Http, parts: TokenParts): void {
  http.get(
    '/v1/tokens',
    { config: ofServer('tokens:read'), schema: { response: { 200: tokenListSchema } } },
    async () => ({ items: parts.tokens.active.map(tokenView) }),
  );
  http.post(
    '/v1/tokens',
    {
      config: ofServer('tokens:write', 'own'),
      schema: { body: tokenCreateSchema, response: { 200: tokenCreatedSchema } },
    },
    async (request, reply) => {
      const { services: scopes, who, why, ...wish } = request.body;
      const id = randomBytes(6).toString('hex');
      const secret = `tdg_${id}_${randomBytes(32).toString('base64url')}`;
      const made = { id, secret, by: { who, why } };
      const said = required(await parts.tokens.create({ ...wish, scopes }, made, boundOf(parts)));
      reply.header('cache-control', 'no-store');
      return { ...told(parts, said), token: tokenView(said.token), secret };
    },
  );
  http.post(
    '/v1/tokens/:id/revoke',
    {
      config: ofServer('tokens:write', 'own'),
      schema: {
        params: z.object({ id: z.string().min(1).max(40) }),
        body: tokenRevokeSchema,
        response: { 200: tokenRevokedSchema },
      },
    },
    async (request) => {
      const { who, why } = request.body;
      const { id } = request.params;
      return told(parts, required(await parts.tokens.revoke(id, { who, why }, boundOf(parts))));
    },
  );
}

function boundOf({ signal }: TokenParts): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(boundMs)]);
}

type Recorded = Extract<TokenSaid, { kind: 'recorded' }>;

function required(said: TokenSaid): Recorded {
  switch (said.kind) {
    case 'recorded':
      return said;
    case 'unknown':
      throw new HttpProblem(404, said.because);
    case 'refused':
      throw new HttpProblem(422, said.because);
  }
}

function told({ feed }: TokenParts, said: Recorded): { entryIndex: number; sentence: string } {
  const { index, atMs, sentence, by } = said;
  feed.publish({
    index,
    at: timeText(atMs),
    type: 'operator-action',
    service: null,
    rolloutId: null,
    decision: null,
    weightPercent: null,
    by: { ...by },
    severity: 'info',
    sentence,
  });
  return { entryIndex: index, sentence };
}

function tokenView(token: ApiToken): TokenView {
  return {
    id: token.id,
    person: token.person,
    role: token.role,
    services: [...token.scopes],
    createdAt: timeText(token.createdAtMs),
    createdBy: { ...token.createdBy },
    expiresAt: timeText(token.expiresAtMs),
  };
}
