import { z } from 'zod';

/** Ends the ledger's keys in use and brings the next ones. */
export const rotateKeysRequestSchema = z.object({
  who: z.string().min(1).max(200),
  reason: z.string().min(1).max(2000),
});

export const rotateKeysResponseSchema = z.object({
  /** Of the entry by which the old keys end. */
  entryIndex: z.number().int().nonnegative(),
  /** Ids of the Ed25519 keys: SHA-256 of the SPKI. */
  beforeKeyId: z.string(),
  keyId: z.string(),
  /** Lines of a trust policy (c2sp.org/tlog-policy) for the new keys. */
  policy: z.array(z.string()),
});
