/** Signing in over HTTP: a JSON API under /v1/session. */
import { z } from 'zod';
import { roleSchema } from './tokens-wire.ts';

const time = z.iso.datetime();

/** A role for some services; who has several may what one of them allows. */
const grantSchema = z
  .object({
    role: roleSchema,
    /** `NAMESPACE/SERVICE`; `*` stands for any characters. */
    services: z.array(z.string()),
  })
  .meta({ id: 'Grant' });

/** Who asks, and what they may. The actions are those of policies/tidegate.cedarschema. */
export const sessionSchema = z
  .object({
    /** The person's name, as entries have it; `owner`: who has the token of the state folder. */
    name: z.string(),
    /** Each once. */
    roles: z.array(roleSchema),
    grants: z.array(grantSchema),
    /** How the request was known. */
    by: z.enum(['session', 'token', 'owner']),
    /** What writes by cookie send as the header x-csrf-token; null: this was not asked by cookie, and nothing is needed. */
    csrfToken: z.string().nullable(),
    /** When it ends, however much it is used; null: never. */
    expiresAt: time.nullable(),
    /** When it ends if it is not used until then; null: it may stay unused. */
    idleEndsAt: time.nullable(),
    allowed: z.object({
      /** On the whole installation, as `tokens:read`. */
      server: z.array(z.string()),
      /** On some service at least, as `rollouts:promote`. */
      anyService: z.array(z.string()),
      /** On each of the services that the query named. */
      services: z.record(z.string(), z.array(z.string())),
    }),
  })
  .meta({ id: 'Session' });

/** The code of a one-time link (what follows # in it), or a token. */
export const signInSchema = z
  .union([
    z.strictObject({ code: z.string().min(20).max(200) }),
    z.strictObject({ token: z.string().min(20).max(200) }),
  ])
  .meta({ id: 'SignIn' });

/** How one can sign in. */
export const signInWaysSchema = z
  .object({
    /** Null: no provider is set up. Else `path` is where the browser goes, with `?returnTo=/PATH`. */
    oidc: z.object({ issuer: z.string(), path: z.string() }).nullable(),
  })
  .meta({ id: 'SignInWays' });

export const sessionListSchema = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      by: z.enum(['link', 'token', 'owner', 'oidc']),
      signedInAt: time,
      expiresAt: time,
      idleEndsAt: time,
      /** The one this was asked by. */
      isThis: z.boolean(),
    }),
  ),
});

export const signedOutSchema = z.object({ entryIndex: z.number().int(), sentence: z.string() });

export const loginLinkCreateSchema = z
  .object({
    person: z.string().min(1).max(64),
    role: roleSchema,
    services: z.array(z.string().min(3).max(127)).min(1).max(32),
    who: z.string().min(1).max(200),
    why: z.string().max(2000).nullable().default(null),
  })
  .meta({ id: 'LoginLinkCreate' });

export const loginLinkSchema = z
  .object({
    /** Opens one session, once. Behind # as browsers send that to nobody. */
    url: z.string(),
    expiresAt: time,
  })
  .meta({ id: 'LoginLink' });

export type SessionView = z.infer<typeof sessionSchema>;
