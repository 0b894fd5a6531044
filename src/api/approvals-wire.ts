/** What goes over HTTP about people's keys and approvals, version 1. */
import { z } from 'zod';

const count = z.number().int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.iso.datetime();
/** An envelope of a person has some 9 kB; an enrolment some 12. */
const envelope = z.string().min(1).max(40_000);
const person = z.string().min(1).max(64);
const roles = z.array(z.string().min(1).max(63)).max(16);
const who = z.string().min(1).max(200);

const ruleSchema = z.object({ role: z.string(), count });

/** A step that waits for signed approvals. */
export const approvalRequestSchema = z
  .object({
    service: z.string(),
    rolloutId: z.string(),
    /** Counts from 1. */
    stepNumber: count,
    /** Of the entry that asks. */
    entryIndex: count,
    /** Over the canonical JSON of `data`; what an approval is bound to. */
    sha256,
    /** The entry's data, so that who signs can compute the digest alone. */
    data: z.record(z.string(), z.unknown()),
    policySha256: sha256,
    rules: z.array(ruleSchema),
    validForMs: count,
    author: z.string(),
    state: z.enum(['open', 'met', 'rejected']),
    missing: z.array(ruleSchema),
    approvals: z.array(
      z.object({
        entryIndex: count,
        person: z.string(),
        role: z.string(),
        verdict: z.enum(['approve', 'reject', 'withdraw']),
        at: time,
        expiresAt: time,
        reason: z.string(),
        /** Why it does not count; null: it does. */
        refused: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ApprovalRequest' });
export const approvalRequestListSchema = z.object({ items: z.array(approvalRequestSchema) });

export const approvalSubmitSchema = z.object({ envelope });
export const approvalReceiptSchema = z.object({ entryIndex: count, sentence: z.string() });

export const personSchema = z
  .object({
    person: z.string(),
    roles: z.array(z.string()),
    keys: z.array(z.object({ keyId: sha256, isValid: z.boolean() })),
  })
  .meta({ id: 'Person' });
export const personListSchema = z.object({ items: z.array(personSchema) });

/** Each becomes an entry of the ledger. */
export const personChangeSchema = z
  .discriminatedUnion('action', [
    z.object({ action: z.literal('enrol'), enrolment: envelope, roles, who }),
    z.object({ action: z.literal('assign-roles'), person, roles, who }),
    z.object({
      action: z.literal('revoke'),
      keyId: sha256,
      reason: z.string().min(1).max(2000),
      who,
    }),
  ])
  .meta({ id: 'PersonChange' });
export const personReceiptSchema = z.object({ entryIndex: count, sentence: z.string() });

export type ApprovalRequestView = z.infer<typeof approvalRequestSchema>;
export type PersonChange = z.infer<typeof personChangeSchema>;
