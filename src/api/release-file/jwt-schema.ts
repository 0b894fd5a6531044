import { z } from 'zod';
import { field, mapping, matching, text } from './fields.ts';
import type { TextRule } from './fields.ts';
import { quoted, read, refused, wrongType } from './reading.ts';
import type { Reading } from './reading.ts';

const audienceCountMax = 16;
const claimCountMax = 16;
const valueCountMax = 64;
const textLengthMax = 1024;
const keysLengthMax = 65_536;
const keyCountMax = 100;

/** `jwt` of a service's traffic or of a rule: the token that its requests must carry. */
export function jwtSchema() {
  const plain = () => text(plainRule);
  const jwt = mapping({
    issuer: plain(),
    audiences: z.array(plain()).min(1).max(audienceCountMax),
    jwksUri: text(jwksUriRule).optional(),
    jwks: text(jwksRule).optional(),
    claims: z
      .array(
        mapping({
          name: plain(),
          values: z
            .array(field(readValue, { type: 'string' }))
            .min(1)
            .max(valueCountMax),
        }),
      )
      .min(1)
      .max(claimCountMax)
      .optional(),
  });
  return jwt.superRefine(({ jwksUri, jwks }, context) => {
    if ((jwksUri === undefined) !== (jwks === undefined)) return;
    const found = jwks === undefined ? 'none' : 'both';
    const message = `must have exactly one of jwksUri and jwks; it has ${found}`;
    context.addIssue({ code: 'custom', message });
  });
}

const plainRule = matching(/^[ -~]+$/, 'a text in visible ASCII', textLengthMax);

/** A claim may be a number or true; it is compared as text. */
function readValue(input: unknown): Reading<string> {
  if (typeof input === 'number' || typeof input === 'boolean') return read(String(input));
  if (typeof input !== 'string') return wrongType('a text');
  const fault = plainRule(input);
  return fault === null ? read(input) : refused(fault.reason, fault.hint);
}

/** Whoever can change the keys on their way can make tokens, so they come over TLS, or from this machine. */
const jwksUriRule: TextRule = (written) => {
  const url = written.length <= textLengthMax ? URL.parse(written) : null;
  const isHere = url !== null && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  const isFit = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isHere));
  if (!isFit) {
    const hint = url?.protocol === 'http:' ? 'http:// is for this machine only' : null;
    return { reason: `must be an https:// URL, not ${quoted(written)}`, hint };
  }
  if (url.username === '' && url.password === '') return null;
  return { reason: 'must not have a user or a password in it', hint: null };
};

const jwksRule: TextRule = (written) => {
  if (written.length > keysLengthMax) {
    return { reason: `must have at most ${keysLengthMax} characters`, hint: null };
  }
  const wanted = 'must be a JSON Web Key Set, as \'{"keys": [...]}\' with 1 to 100 public keys';
  const keys = keysOf(written);
  if (keys === null || keys.length === 0 || keys.length > keyCountMax) {
    return { reason: wanted, hint: null };
  }
  for (const key of keys) {
    if (typeof key !== 'object' || key === null) return { reason: wanted, hint: null };
    if ('d' in key) {
      return {
        reason: 'has a private key in it',
        hint: 'change that key, and give the public one',
      };
    }
    if (!('kty' in key) || key.kty === 'oct') {
      return { reason: 'must have public keys only: RSA, EC or OKP', hint: null };
    }
  }
  return null;
};

function keysOf(written: string): readonly unknown[] | null {
  try {
    const set: unknown = JSON.parse(written);
    if (typeof set !== 'object' || set === null || !('keys' in set)) return null;
    return Array.isArray(set.keys) ? set.keys : null;
  } catch {
    // No JSON: told as such.
    return null;
  }
}
