import { rotateKeysRequestSchema, rotateKeysResponseSchema } from '../../../api/key-wire.ts';
import { logPolicyLines } from '../../../control/ledger/checkpointer.ts';
import { originOf } from '../../../domain/evidence/export-format.ts';
import { ofServer } from '../access/route-access.ts';
import type { Http } from './http-server.ts';
import type { ServerParts } from '../server-parts.ts';

/** The keys that the ledger is signed with. */
export function addKeyRoutes(http: Http, parts: ServerParts): void {
  http.post(
    '/v1/ledger/keys/rotate',
    {
      config: ofServer('ledger:rotate-keys', 'own'),
      schema: { body: rotateKeysRequestSchema, response: { 200: rotateKeysResponseSchema } },
    },
    async ({ body: { who: by, reason } }) => {
      const { index, before, keyId, notes } = await parts.rotateKeys({ by, reason }, parts.signal);
      const origin = originOf(await firstLeafHash(parts));
      const policy = [...logPolicyLines(origin, notes)];
      return { entryIndex: index, beforeKeyId: before, keyId, policy };
    },
  );
}

async function firstLeafHash({ recorder, signal }: ServerParts): Promise<string> {
  for await (const { leafHash } of recorder.replay(null, signal)) return leafHash;
  throw new Error('a ledger that a server has open is not empty');
}
