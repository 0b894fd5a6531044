/** What the ledger has of one rollout, as one file that can be verified without the server that gave it. */
import { z } from 'zod';

const count = z.number().int().min(0);

export const evidenceEntrySchema = z.object({
  /** Of the entry in the whole ledger, from 0. */
  index: count,
  /** `keys`: about who may sign; `release`: about the rollout. */
  about: z.enum(['keys', 'release']),
  /** The entry's bytes, which are ASCII: canonical JSON of a DSSE envelope over an in-toto statement. Its leaf in the tree. */
  envelope: z.string(),
  /** Base64, from the leaf's sibling up to the root's child (RFC 6962 section 2.1.1). Null: no checkpoint covers the entry yet. */
  inclusionProof: z.array(z.string()).nullable(),
});

export const releaseEvidenceSchema = z.object({
  apiVersion: z.literal('tidegate.dev/v1'),
  kind: z.literal('ReleaseEvidence'),
  metadata: z.object({
    /** Of the rollout. */
    name: z.string(),
  }),
  service: z.string(),
  /** A signed note (c2sp.org/tlog-checkpoint), which the proofs lead to; null: none has been made yet. */
  checkpoint: z.string().nullable(),
  /** The server's own word on whom to trust (c2sp.org/tlog-policy): compare it with what you got over another way. */
  policy: z.array(z.string()),
  /** False: there are more entries than are given at once; export the ledger. */
  isWhole: z.boolean(),
  entries: z.array(evidenceEntrySchema),
});

export type ReleaseEvidence = z.infer<typeof releaseEvidenceSchema>;
