/** What goes over HTTP about who may ask what, version 1. */
import { z } from 'zod';

export const policyCheckRequestSchema = z
  .object({
    /** A service, NAMESPACE/SERVICE, a SPIFFE id, an address, or `anonymous`. */
    from: z.string().min(1).max(2100),
    /** Of a service that is named without it. */
    trustDomain: z.string().min(1).max(255),
    /** Of the caller's connection; null: of the server's machine. */
    address: z.string().max(64).nullable(),
    to: z.string().min(1).max(63),
    method: z.string().min(1).max(64),
    /** As on the wire, with or without a query. */
    path: z.string().min(1).max(16_384),
    /** Of a token that was checked. */
    claims: z.record(z.string().max(1024), z.array(z.string().max(1024)).max(64)),
  })
  .meta({ id: 'PolicyCheckRequest' });

export const policyCheckSchema = z
  .object({
    kind: z.literal('PolicyCheck'),
    allowed: z.boolean(),
    /** `audit`: nobody is refused by it; null: the service declares no authorization. */
    mode: z.enum(['enforce', 'audit']).nullable(),
    /** Null: none decided. */
    rule: z
      .object({
        name: z.string(),
        action: z.enum(['ALLOW', 'DENY']),
        /** `FILE:LINE:COLUMN`, as it was when it was applied; null: not known. */
        place: z.string().nullable(),
      })
      .nullable(),
    /** SPIFFE id without its scheme; null: who has proved none. */
    principal: z.string().nullable(),
    address: z.string(),
    sentence: z.string(),
  })
  .meta({ id: 'PolicyCheck' });

export type PolicyCheckRequest = z.infer<typeof policyCheckRequestSchema>;
export type PolicyCheck = z.infer<typeof policyCheckSchema>;
