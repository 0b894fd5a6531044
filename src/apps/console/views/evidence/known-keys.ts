import { type Fields, fieldsOf, textOf } from './canonical-text.ts';
import { base64, hex, isSigned, rawKeyOf, sha256, Unproven } from './proof-bytes.ts';
import { type Envelope, readEnvelope } from './read-entry.ts';

/** An Ed25519 and an ML-DSA-65 key that belong together; null: there is no such half. */
export interface KeyPair {
  readonly ed25519: PublicKey;
  readonly mlDsa65: PublicKey | null;
}

export interface PublicKey {
  /** Hex SHA-256 of the SPKI. */
  readonly keyId: string;
  readonly raw: Uint8Array<ArrayBuffer>;
}

/** Who may sign, as the entries about keys say it, in their order. */
export class KnownKeys {
  readonly #machines = new Map<string, KeyPair>();
  readonly #people = new Map<string, { readonly person: string; readonly pair: KeyPair }>();
  #needsBoth = false;

  machine(keyId: string): KeyPair | null {
    return this.#machines.get(keyId) ?? null;
  }

  person(keyId: string): { readonly person: string; readonly pair: KeyPair } | null {
    return this.#people.get(keyId) ?? null;
  }

  /** Whether what decides has to have a signature by ML-DSA-65 as well by now. */
  get needsBoth(): boolean {
    return this.#needsBoth;
  }

  /** Throws Unproven when an enrolment is not signed with the keys that it enrols. */
  async take(data: Fields): Promise<void> {
    switch (data['action']) {
      case 'enrol-keys':
      case 'rotate-keys': {
        const { pair } = await readEnrolment(textOf(data['enrolment'], 'the enrolment'));
        if (data['action'] === 'rotate-keys') this.#machines.clear();
        this.#machines.set(pair.ed25519.keyId, pair);
        this.#needsBoth = true;
        return;
      }
      case 'enrol': {
        const spki = base64(textOf(data['publicKey'], 'publicKey'), 'publicKey');
        const ed25519 = await publicKeyOf('ed25519', spki);
        this.#machines.set(ed25519.keyId, { ed25519, mlDsa65: null });
        return;
      }
      case 'enrol-person': {
        const { pair, fields } = await readEnrolment(textOf(data['enrolment'], 'the enrolment'));
        const person = textOf(fields['person'], 'person');
        this.#people.set(pair.ed25519.keyId, { person, pair });
        return;
      }
      case 'revoke-person':
        this.#people.delete(textOf(data['keyId'], 'keyId'));
    }
  }
}

async function readEnrolment(
  text: string,
): Promise<{ readonly pair: KeyPair; readonly fields: Fields }> {
  const envelope = readEnvelope(text, 'the enrolment');
  const fields = fieldsOf(envelope.payload, 'the enrolment');
  const keys: unknown = fields['keys'];
  if (!Array.isArray(keys)) throw new Unproven('the enrolment has no keys');
  const read = async (algorithm: 'ed25519' | 'ml-dsa-65', at: number): Promise<PublicKey> => {
    const key = fieldsOf(keys[at], `the ${algorithm} key`);
    if (key['algorithm'] !== algorithm) throw new Unproven(`there is no ${algorithm} key`);
    return publicKeyOf(algorithm, base64(textOf(key['publicKey'], 'publicKey'), 'publicKey'));
  };
  const pair = { ed25519: await read('ed25519', 0), mlDsa65: await read('ml-dsa-65', 1) };
  await requireBoth(envelope, pair, 'the enrolment');
  return { pair, fields };
}

async function publicKeyOf(
  algorithm: 'ed25519' | 'ml-dsa-65',
  spki: Uint8Array<ArrayBuffer>,
): Promise<PublicKey> {
  return { keyId: hex(await sha256(spki)), raw: rawKeyOf(algorithm, spki) };
}

/** Throws Unproven unless both halves of the pair have signed, each as itself and in their order. */
export async function requireBoth(
  { signatures, signedBytes }: Envelope,
  { ed25519, mlDsa65 }: KeyPair,
  what: string,
): Promise<void> {
  const [first, second] = signatures;
  if (first === undefined || second === undefined || mlDsa65 === null) {
    throw new Unproven(`${what} is not signed with both Ed25519 and ML-DSA-65`);
  }
  await requireOne(first, { key: ed25519, algorithm: 'ed25519', signedBytes, what });
  await requireOne(second, { key: mlDsa65, algorithm: 'ml-dsa-65', signedBytes, what });
}

export async function requireOne(
  { keyId, bytes }: Envelope['signatures'][number],
  of: {
    readonly key: PublicKey;
    readonly algorithm: 'ed25519' | 'ml-dsa-65';
    readonly signedBytes: Uint8Array<ArrayBuffer>;
    readonly what: string;
  },
): Promise<void> {
  const { key, algorithm, signedBytes, what } = of;
  if (keyId !== key.keyId) {
    throw new Unproven(`the ${algorithm} signature of ${what} names another key`);
  }
  if (await isSigned(algorithm, key.raw, signedBytes, bytes)) return;
  throw new Unproven(
    `the ${algorithm} signature of ${what} is not one of key ${keyId.slice(0, 8)}`,
  );
}
