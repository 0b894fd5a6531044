import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { type Grant, personNameFault } from '../../domain/identity/grant.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Recorder } from './recorder.ts';
import type { TokenRegister } from './token-register.ts';

/** What somebody signed in with. */
export type SignInMethod =
  | { readonly kind: 'link'; readonly madeBy: string }
  | { readonly kind: 'token'; readonly tokenId: string }
  | { readonly kind: 'owner' }
  | { readonly kind: 'oidc'; readonly issuer: string; readonly subject: string };

/** A browser that is signed in, as the ledger knows it: the secret in its cookie is nowhere. */
export interface ApiSession {
  readonly id: string;
  readonly person: string;
  readonly grants: readonly Grant[];
  readonly method: SignInMethod;
  readonly createdAtMs: number;
  /** However much it is used. */
  readonly expiresAtMs: number;
  /** Hex SHA-256 of the secret. */
  readonly sha256: string;
}

export interface SessionWish {
  readonly person: string;
  readonly grants: readonly Grant[];
  readonly method: SignInMethod;
  /** Not later than this, as what it was opened with ends then; null: as long as a session lasts. */
  readonly notAfterMs: number | null;
}

export type SessionSaid =
  | {
      readonly kind: 'recorded';
      readonly session: ApiSession;
      readonly entries: readonly SessionEntry[];
    }
  | { readonly kind: 'refused'; readonly because: string };

export interface SessionEntry {
  readonly index: number;
  readonly atMs: number;
  readonly who: string;
  readonly decision: 'sign-in' | 'sign-out';
  readonly sentence: string;
}

export const sessionLimits = {
  /** In force at once, of all people. */
  count: 2_000,
  /** Of one person; one more ends the one that was used least lately. */
  countEach: 10,
  lastsMs: 12 * 3_600_000,
  /** Unused for so long it is over. */
  idleMs: 2 * 3_600_000,
} as const;

type Parts = {
  readonly recorder: Pick<Recorder, 'record' | 'replay'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly tokens: Pick<TokenRegister, 'revokedAtMs'>;
  /** When each was used last, by its digest, as far as it was kept; one that is not in it was used when it was made. */
  readonly seenAtMs: ReadonlyMap<string, number>;
};

/**
 * Who is signed in.
 *
 * S1 Signing in and out are entries before they hold, so both outlive the server; what is kept of a session is a digest, as of a token.
 * S2 A session is over after `lastsMs`, after `idleMs` without use, when its person signs out, and when any token of its person is
 *    revoked: who takes somebody's token away means the person.
 * S3 That it was used is no entry. When the last uses are lost, a session is taken as used when it was made: it ends early, not late.
 */
export class SessionRegister {
  readonly #parts: Parts;
  readonly #byDigest = new Map<string, ApiSession>();
  readonly #seenAtMs = new Map<string, number>();

  static async open(parts: Parts, signal: AbortSignal): Promise<SessionRegister> {
    const register = new SessionRegister(parts);
    for await (const { data } of parts.recorder.replay(sessionStream, signal)) {
      // Written by `#record` below, and read back as that.
      register.#take(data as unknown as RecordedSession);
    }
    register.#forgetThoseThatAreOver();
    return register;
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** In force, the newest first; null: of everybody. */
  active(person: string | null): readonly ApiSession[] {
    this.#forgetThoseThatAreOver();
    return [...this.#byDigest.values()]
      .filter((each) => person === null || each.person === person)
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  }

  /** Null: there is none, or it is over. Being found is being used. */
  use(secret: string): ApiSession | null {
    const found = this.#byDigest.get(sha256Hex(secret));
    if (found === undefined || !this.isInForce(found)) return null;
    this.#seenAtMs.set(found.sha256, this.#parts.clock.nowMs());
    return found;
  }

  isInForce(session: ApiSession): boolean {
    if (!this.#byDigest.has(session.sha256)) return false;
    const revokedAtMs = this.#parts.tokens.revokedAtMs(session.person);
    if (revokedAtMs !== null && revokedAtMs >= session.createdAtMs) return false;
    return this.#parts.clock.nowMs() < this.endsAtMs(session);
  }

  /** If it is not used again. */
  endsAtMs(session: ApiSession): number {
    return Math.min(session.expiresAtMs, this.#lastUseMs(session) + sessionLimits.idleMs);
  }

  /** To be kept over a restart: when each in force was used last, by its digest. */
  get uses(): ReadonlyMap<string, number> {
    return new Map(this.active(null).map((each) => [each.sha256, this.#lastUseMs(each)]));
  }

  /** `secret` is 256 random bits. */
  async signIn(
    wish: SessionWish,
    { id, secret }: { readonly id: string; readonly secret: string },
    signal: AbortSignal,
  ): Promise<SessionSaid> {
    const fault = personNameFault(wish.person);
    if (fault !== null) return { kind: 'refused', because: fault };
    const inForce = this.active(null);
    if (inForce.length >= sessionLimits.count) {
      const because = `${sessionLimits.count} people are signed in, which is the most; end some`;
      return { kind: 'refused', because };
    }
    const { person, grants, method, notAfterMs } = wish;
    const createdAtMs = this.#parts.clock.nowMs();
    const longestMs = createdAtMs + sessionLimits.lastsMs;
    const expiresAtMs = Math.min(longestMs, notAfterMs ?? longestMs);
    const sha256 = sha256Hex(secret);
    const session: ApiSession = {
      id,
      person,
      grants,
      method,
      createdAtMs,
      expiresAtMs,
      sha256,
    };
    const surplus = this.#surplusOf(person);
    const sentence = `${person} signs in with ${methodText(method)} as ${grantsText(grants)}`;
    const by = { who: person, why: null };
    const made = { decision: 'sign-in', session, by, atMs: createdAtMs, sentence } as const;
    const entries = [await this.#record(made, signal)];
    for (const each of surplus) {
      entries.push(await this.signOut(each, { who: person, why: 'signed in too often' }, signal));
    }
    return { kind: 'recorded', session, entries };
  }

  async signOut(
    session: ApiSession,
    by: { readonly who: string; readonly why: string | null },
    signal: AbortSignal,
  ): Promise<SessionEntry> {
    const { id, person } = session;
    const own = `${person} signs out`;
    const sentence = by.who === person ? own : `${by.who} signs ${person} out`;
    const atMs = this.#parts.clock.nowMs();
    const said = { decision: 'sign-out', session, by, atMs } as const;
    return this.#record({ ...said, sentence: `${sentence} of session ${id}` }, signal);
  }

  /** Those that have to end before the person gets one more. */
  #surplusOf(person: string): readonly ApiSession[] {
    const own = this.active(person).toSorted((a, b) => this.#lastUseMs(a) - this.#lastUseMs(b));
    return own.slice(0, Math.max(0, own.length + 1 - sessionLimits.countEach));
  }

  #lastUseMs({ sha256, createdAtMs }: ApiSession): number {
    return this.#seenAtMs.get(sha256) ?? this.#parts.seenAtMs.get(sha256) ?? createdAtMs;
  }

  #forgetThoseThatAreOver(): void {
    for (const [key, session] of this.#byDigest) {
      if (this.isInForce(session)) continue;
      this.#byDigest.delete(key);
      this.#seenAtMs.delete(key);
    }
  }

  async #record(recorded: RecordedSession, signal: AbortSignal): Promise<SessionEntry> {
    const { decision, session, atMs, sentence, by } = recorded;
    const entry = {
      type: 'operator-action' as const,
      subjects: [{ name: `session/${session.id}`, sha256: session.sha256 }],
      idempotencyKey: `${decision} ${session.id}`,
      data: JSON.parse(JSON.stringify(recorded)) as JsonValue,
    };
    const batch = { stream: sessionStream, entries: [entry], blobs: [] };
    const [place] = await this.#parts.recorder.record(batch, signal);
    this.#take(recorded);
    return { index: place?.index ?? -1, atMs, who: by.who, decision, sentence };
  }

  #take({ decision, session }: RecordedSession): void {
    if (decision === 'sign-in') this.#byDigest.set(session.sha256, session);
    else this.#byDigest.delete(session.sha256);
  }
}

const sessionStream = 'sessions';

interface RecordedSession {
  readonly decision: 'sign-in' | 'sign-out';
  readonly session: ApiSession;
  readonly by: { readonly who: string; readonly why: string | null };
  readonly atMs: number;
  readonly sentence: string;
}

function methodText(method: SignInMethod): string {
  switch (method.kind) {
    case 'link':
      return `a link that ${method.madeBy} made`;
    case 'token':
      return `token ${method.tokenId}`;
    case 'owner':
      return "the state folder's token";
    case 'oidc':
      return `OpenID Connect at ${method.issuer}`;
  }
}

function grantsText(grants: readonly Grant[]): string {
  return grants.map(({ role, scopes }) => `${role} of ${scopes.join(', ')}`).join('; ');
}
