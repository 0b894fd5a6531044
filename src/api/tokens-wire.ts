/** Tokens of the API over HTTP: a JSON API under /v1/tokens. */
import { z } from 'zod';

const time = z.iso.datetime();

export const roleSchema = z.enum([
  'viewer',
  'developer',
  'approver',
  'operator',
  'admin',
  'auditor',
]);

/** The secret is in none of them but the answer to the request that makes it. */
export const tokenSchema = z
  .object({
    id: z.string(),
    person: z.string(),
    role: roleSchema,
    /** `NAMESPACE/SERVICE`; `*` stands for any characters. */
    services: z.array(z.string()),
    createdAt: time,
    createdBy: z.object({ who: z.string(), why: z.string().nullable() }),
    expiresAt: time,
  })
  .meta({ id: 'Token' });

export const tokenListSchema = z.object({ items: z.array(tokenSchema) });

export const tokenCreateSchema = z
  .object({
    person: z.string().min(1).max(64),
    role: roleSchema,
    services: z.array(z.string().min(3).max(127)).min(1).max(32),
    lastsMs: z.number().int().min(60_000).max(31_622_400_000),
    who: z.string().min(1).max(200),
    why: z.string().max(2000).nullable().default(null),
  })
  .meta({ id: 'TokenCreate' });

export const tokenCreatedSchema = z.object({
  entryIndex: z.number().int(),
  sentence: z.string(),
  token: tokenSchema,
  /** Shown this once. */
  secret: z.string(),
});

export const tokenRevokeSchema = z.object({
  who: z.string().min(1).max(200),
  why: z.string().max(2000).nullable().default(null),
});

export const tokenRevokedSchema = z.object({ entryIndex: z.number().int(), sentence: z.string() });

export type TokenView = z.infer<typeof tokenSchema>;
