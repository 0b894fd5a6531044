import { z } from 'zod';
import { type ReleaseEvidence, releaseEvidenceSchema } from '../../../api/evidence-wire.ts';
import {
  releaseEvidence,
  type ReleaseEvidenceParts,
} from '../../../control/ledger/release-evidence.ts';
import { serviceOfRollout } from '../../../control/replay/replay.ts';
import { paramOf } from '../access/request-names.ts';
import { ofService } from '../access/route-access.ts';
import { HttpProblem } from './http-problem.ts';
import type { Http } from './http-server.ts';

export interface EvidenceRouteParts {
  readonly releaseEvidence: ReleaseEvidenceParts;
  readonly signal: AbortSignal;
}

/** What the ledger has of one rollout, to be verified elsewhere. */
export function addEvidenceRoutes(http: Http, parts: EvidenceRouteParts): void {
  http.get(
    '/v1/rollouts/:id/evidence',
    {
      config: ofService('services:read', (request) => serviceOfRollout(paramOf(request, 'id'))),
      schema: {
        params: z.object({ id: z.string().min(1).max(80) }),
        response: { 200: releaseEvidenceSchema },
      },
    },
    async ({ params: { id: rolloutId } }): Promise<ReleaseEvidence> => {
      const service = serviceOfRollout(rolloutId);
      const wish = { service, rolloutId };
      const found = await releaseEvidence(parts.releaseEvidence, wish, parts.signal);
      if (found === null) {
        const remedy = 'list what there is: tidegate get rollouts';
        throw new HttpProblem(404, `there is no rollout ${JSON.stringify(rolloutId)}; ${remedy}`);
      }
      return {
        apiVersion: 'tidegate.dev/v1',
        kind: 'ReleaseEvidence',
        metadata: { name: rolloutId },
        service,
        checkpoint: found.checkpoint,
        policy: [...found.policy],
        isWhole: found.isWhole,
        entries: found.entries.map(({ index, about, leaf, hashes }) => ({
          index,
          about,
          envelope: Buffer.from(leaf).toString('utf8'),
          inclusionProof: hashes?.map((hash) => Buffer.from(hash).toString('base64')) ?? null,
        })),
      };
    },
  );
}
