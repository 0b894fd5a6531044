import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { type Grant, personNameFault, readGrant } from '../../domain/identity/grant.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Recorder } from './recorder.ts';

/** A key to the API, as the ledger knows it: the secret itself is nowhere. */
export interface ApiToken extends Grant {
  readonly id: string;
  readonly person: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly createdBy: TokenHand;
  /** Hex SHA-256 of the whole token as its person holds it. */
  readonly sha256: string;
}

export interface TokenHand {
  readonly who: string;
  readonly why: string | null;
}

export interface TokenWish {
  readonly person: string;
  readonly role: string;
  readonly scopes: readonly string[];
  readonly lastsMs: number;
}

export type TokenSaid =
  | {
      readonly kind: 'recorded';
      readonly index: number;
      readonly atMs: number;
      readonly sentence: string;
      readonly token: ApiToken;
      readonly by: TokenHand;
    }
  | { readonly kind: 'unknown' | 'refused'; readonly because: string };

export const tokenLimits = {
  /** In force at once. */
  count: 1_000,
  lastsMsMin: 60_000,
  lastsMsMax: 366 * 24 * 3_600_000,
} as const;

type Parts = {
  readonly recorder: Pick<Recorder, 'record' | 'replay'>;
  readonly clock: Pick<Clock, 'nowMs'>;
};

/**
 * Who may knock, and until when. Making and revoking are entries before they hold, so a token outlives the server and its end does
 * too; what is kept of it is a digest. SHA-256 without salt or stretching is enough, as the secret is 256 random bits: nobody can go
 * through those, and two are never the same. (A password would need both.)
 */
export class TokenRegister {
  readonly #recorder: Parts['recorder'];
  readonly #clock: Parts['clock'];
  readonly #byDigest = new Map<string, ApiToken>();
  /** When a token of a person was revoked last. */
  readonly #revokedAtMs = new Map<string, number>();

  static async open(parts: Parts, signal: AbortSignal): Promise<TokenRegister> {
    const register = new TokenRegister(parts);
    for await (const { data } of parts.recorder.replay(tokenStream, signal)) {
      // Written by `#record` below, and read back as that.
      register.#take(data as unknown as RecordedToken);
    }
    return register;
  }

  private constructor({ recorder, clock }: Parts) {
    this.#recorder = recorder;
    this.#clock = clock;
  }

  /** In force, the one that ends first first. */
  get active(): readonly ApiToken[] {
    const nowMs = this.#clock.nowMs();
    for (const [key, { expiresAtMs }] of this.#byDigest) {
      if (expiresAtMs <= nowMs) this.#byDigest.delete(key);
    }
    return [...this.#byDigest.values()].toSorted((a, b) => a.expiresAtMs - b.expiresAtMs);
  }

  /**
   * Null: there is none, or it is over. Found by its digest, so the time it takes says nothing about a secret: who guesses cannot
   * steer the digest of the guess.
   */
  find(secret: string): ApiToken | null {
    const found = this.#byDigest.get(sha256Hex(secret));
    return found === undefined || found.expiresAtMs <= this.#clock.nowMs() ? null : found;
  }

  /** Whether it still opens: neither revoked nor over. */
  isInForce({ sha256, expiresAtMs }: ApiToken): boolean {
    return this.#byDigest.has(sha256) && expiresAtMs > this.#clock.nowMs();
  }

  /** When a token of the person was revoked last; null: none ever was. What the person signed in to before that is over, too. */
  revokedAtMs(person: string): number | null {
    return this.#revokedAtMs.get(person) ?? null;
  }

  /** `secret` starts with `tdg_`, the token's name and `_`, and has 256 random bits after that. */
  async create(
    wish: TokenWish,
    { id, secret, by }: { readonly id: string; readonly secret: string; readonly by: TokenHand },
    signal: AbortSignal,
  ): Promise<TokenSaid> {
    const read = readWish(wish);
    if (typeof read === 'string') return { kind: 'refused', because: read };
    if (this.active.length >= tokenLimits.count) {
      const because = `${tokenLimits.count} tokens are in force, which is the most; revoke some`;
      return { kind: 'refused', because };
    }
    const createdAtMs = this.#clock.nowMs();
    const { lastsMs, ...who } = read;
    const expiresAtMs = createdAtMs + lastsMs;
    const sha256 = sha256Hex(secret);
    const token: ApiToken = { id, ...who, createdAtMs, expiresAtMs, createdBy: by, sha256 };
    const sentence = `token ${id} lets ${who.person} in as ${who.role} of ${who.scopes.join(', ')}`;
    return this.#record(
      { decision: 'create-token', token, by, atMs: createdAtMs, sentence },
      signal,
    );
  }

  async revoke(id: string, by: TokenHand, signal: AbortSignal): Promise<TokenSaid> {
    const token = this.active.find((each) => each.id === id);
    if (token === undefined) return { kind: 'unknown', because: `no token ${id} is in force` };
    const sentence = `token ${id} of ${token.person} is revoked`;
    const atMs = this.#clock.nowMs();
    return this.#record({ decision: 'revoke-token', token, by, atMs, sentence }, signal);
  }

  async #record(recorded: RecordedToken, signal: AbortSignal): Promise<TokenSaid> {
    const { decision, token, atMs, sentence, by } = recorded;
    const entry = {
      type: 'operator-action' as const,
      subjects: [{ name: `token/${token.id}`, sha256: token.sha256 }],
      idempotencyKey: `${decision} ${token.id}`,
      data: JSON.parse(JSON.stringify(recorded)) as JsonValue,
    };
    const batch = { stream: tokenStream, entries: [entry], blobs: [] };
    const [place] = await this.#recorder.record(batch, signal);
    this.#take(recorded);
    return { kind: 'recorded', index: place?.index ?? -1, atMs, sentence, token, by };
  }

  #take({ decision, token, atMs }: RecordedToken): void {
    if (decision === 'create-token') {
      this.#byDigest.set(token.sha256, token);
      return;
    }
    this.#byDigest.delete(token.sha256);
    this.#revokedAtMs.set(token.person, atMs);
  }
}

const tokenStream = 'tokens';

interface RecordedToken {
  readonly decision: 'create-token' | 'revoke-token';
  readonly token: ApiToken;
  readonly by: TokenHand;
  readonly atMs: number;
  readonly sentence: string;
}

type ReadWish = Pick<ApiToken, 'person' | 'role' | 'scopes'> & { readonly lastsMs: number };

/** A text: what is wrong with it. */
function readWish(wish: TokenWish): ReadWish | string {
  const { person, lastsMs } = wish;
  const fault = personNameFault(person);
  if (fault !== null) return fault;
  const grant = readGrant(wish, 'a token');
  if (typeof grant === 'string') return grant;
  const { lastsMsMin, lastsMsMax } = tokenLimits;
  if (!Number.isSafeInteger(lastsMs) || lastsMs < lastsMsMin || lastsMs > lastsMsMax) {
    return `a token lasts ${lastsMsMin}-${lastsMsMax} ms, not ${lastsMs}`;
  }
  return { person, ...grant, lastsMs };
}
