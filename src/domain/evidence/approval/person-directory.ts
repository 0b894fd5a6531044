import { EvidenceError } from '../canonical-json.ts';
import type { JsonValue } from '../canonical-json.ts';
import { checkPersonEnvelope, type PersonEnvelope } from './person-envelope.ts';
import { readEnrolment, readPersonEvent } from './person-enrolment.ts';
import type { PersonKeys } from './person-keys.ts';

/**
 * Who may sign as which person, and in which roles, from the ledger's own key events.
 *
 * D1 all is valid by index, never by a clock: keys from the entry after their enrolment up to and with their revocation,
 *    roles from the entry after the event that gives them up to and with the next one that does;
 * D2 a person may have several pairs of keys; whatever they sign with, it is one person;
 * D3 a key belongs to one person for ever, even when revoked.
 */
export class PersonDirectory {
  readonly #pairs = new Map<string, Pair>();
  /** By person, in the order of the log. */
  readonly #roles = new Map<string, RolesSince[]>();

  /** Throws an EvidenceError for a key event that makes no sense after those before it. */
  check(data: JsonValue): void {
    const event = readPersonEvent(data);
    switch (event.action) {
      case 'enrol-person': {
        const { keys } = readEnrolment(event.enrolment);
        for (const { keyId } of [keys.ed25519, keys.mlDsa65]) {
          if (this.#pairs.has(keyId)) throw new EvidenceError(`key ${keyId} is enrolled twice`);
        }
        return;
      }
      case 'assign-roles':
        if (this.#roles.has(event.person)) return;
        throw new EvidenceError(`person ${event.person} was never enrolled`);
      case 'revoke-person':
        if (this.#pairs.has(event.keyId)) return;
        throw new EvidenceError(`key ${event.keyId} was never enrolled`);
    }
  }

  /** Takes over one key event; throws as `check`. */
  apply(index: number, data: JsonValue): void {
    this.check(data);
    const event = readPersonEvent(data);
    switch (event.action) {
      case 'enrol-person': {
        const { person, keys } = readEnrolment(event.enrolment);
        const validToIndex = Number.MAX_SAFE_INTEGER;
        this.#keep({ person, keys, validFromIndex: index + 1, validToIndex });
        this.#setRoles(person, index, event.roles);
        return;
      }
      case 'assign-roles':
        this.#setRoles(event.person, index, event.roles);
        return;
      case 'revoke-person': {
        const pair = this.#pairs.get(event.keyId);
        if (pair !== undefined) {
          this.#keep({ ...pair, validToIndex: Math.min(pair.validToIndex, index) });
        }
        return;
      }
    }
  }

  /** The person whose word it is. Throws an EvidenceError unless both signatures are by one pair that is valid at `index`. */
  signerOf(envelope: PersonEnvelope, index: number): string {
    const { keyId } = envelope.signatures.ed25519;
    const pair = this.#pairs.get(keyId);
    if (pair === undefined || pair.keys.ed25519.keyId !== keyId) {
      throw new EvidenceError(`key ${keyId} is no person's`);
    }
    if (!this.isValidAt(keyId, index)) {
      throw new EvidenceError(`key ${keyId} of ${pair.person} may not sign at index ${index}`);
    }
    checkPersonEnvelope(envelope, pair.keys);
    return pair.person;
  }

  /** The public key of this id, of either half, whether still valid or not; null: nobody's. */
  spkiOf(keyId: string): Uint8Array | null {
    const { ed25519, mlDsa65 } = this.#pairs.get(keyId)?.keys ?? {};
    return [ed25519, mlDsa65].find((key) => key?.keyId === keyId)?.spki ?? null;
  }

  isValidAt(keyId: string, index: number): boolean {
    const pair = this.#pairs.get(keyId);
    return pair !== undefined && pair.validFromIndex <= index && index <= pair.validToIndex;
  }

  /** What the person may act as in the entry at `index`; empty for a stranger. */
  rolesAt(person: string, index: number): readonly string[] {
    const all = this.#roles.get(person) ?? [];
    return all.findLast(({ fromIndex }) => fromIndex <= index)?.roles ?? [];
  }

  /** Everybody ever enrolled, in that order, as they stand before the entry at `index`. */
  peopleAt(index: number): readonly EnrolledPerson[] {
    const pairs = [...new Set(this.#pairs.values())];
    return [...this.#roles.keys()].map((person) => ({
      person,
      roles: this.rolesAt(person, index),
      keys: pairs
        .filter((pair) => pair.person === person)
        .map(({ keys }) => ({
          keyId: keys.ed25519.keyId,
          isValid: this.isValidAt(keys.ed25519.keyId, index),
        })),
    }));
  }

  /** Under both ids: a pair can be revoked by either. */
  #keep(pair: Pair): void {
    this.#pairs.set(pair.keys.ed25519.keyId, pair);
    this.#pairs.set(pair.keys.mlDsa65.keyId, pair);
  }

  #setRoles(person: string, index: number, roles: readonly string[]): void {
    const all = this.#roles.get(person) ?? [];
    all.push({ fromIndex: index + 1, roles });
    this.#roles.set(person, all);
  }
}

export interface EnrolledPerson {
  readonly person: string;
  readonly roles: readonly string[];
  /** By the Ed25519 half of each pair. */
  readonly keys: readonly { readonly keyId: string; readonly isValid: boolean }[];
}

interface Pair {
  readonly person: string;
  readonly keys: PersonKeys;
  readonly validFromIndex: number;
  readonly validToIndex: number;
}

interface RolesSince {
  readonly fromIndex: number;
  readonly roles: readonly string[];
}
