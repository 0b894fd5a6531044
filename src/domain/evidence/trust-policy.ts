import { EvidenceError } from './canonical-json.ts';
import { parseVkey } from './note-key.ts';
import type { NoteKey } from './note-key.ts';

/**
 * Whom a verifier trusts (c2sp.org/tlog-policy): the log's keys, the witnesses, and how many of them are enough.
 *
 *   log <vkey> [<url>]
 *   witness <name> <vkey> [<url>]
 *   group <name> all|any|<k> <member>...
 *   quorum <name>|none
 *   #tidegate require-blobs
 *
 * The last is ours, and a comment to other readers, who know no blobs. After `#tidegate` nothing else is taken, so that a slip of the
 * pen doesn't pass for a comment.
 */
export interface TrustPolicy {
  readonly logs: readonly TrustedLog[];
  readonly witnesses: readonly TrustedWitness[];
  readonly quorum: Quorum;
  /** Whether an export has to have each blob that its entries say is stored. */
  readonly requiresBlobs: boolean;
}

export interface TrustedLog {
  readonly key: NoteKey;
  readonly url: string | null;
}

export interface TrustedWitness {
  readonly name: string;
  readonly key: NoteKey;
  /** Where checkpoints are submitted (tlog-witness's submission prefix). */
  readonly url: string | null;
}

export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly name: string }
  | { readonly kind: 'group'; readonly threshold: number; readonly members: readonly Quorum[] };

/** The format asks for at least 32 of each to be accepted. */
export const MAX_POLICY_LINES = 1_000;
export const MAX_POLICY_BYTES = 1024 * 1024;

/** Throws an EvidenceError that begins with the number of the line. */
export function parsePolicy(text: string): TrustPolicy {
  const reader = new PolicyReader();
  const lines = text.split('\n');
  if (lines.length > MAX_POLICY_LINES || text.length > MAX_POLICY_BYTES) {
    throw new EvidenceError(`a policy has at most ${MAX_POLICY_LINES} lines`);
  }
  for (const [at, line] of lines.entries()) {
    try {
      reader.add(line);
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      throw new EvidenceError(`line ${at + 1}: ${error.message}`, { cause: error });
    }
  }
  return reader.finish();
}

/** Whether the witnesses of these names are enough. */
export function isQuorum(quorum: Quorum, cosigned: ReadonlySet<string>): boolean {
  switch (quorum.kind) {
    case 'none':
      return true;
    case 'witness':
      return cosigned.has(quorum.name);
    case 'group': {
      const count = quorum.members.filter((member) => isQuorum(member, cosigned)).length;
      return count >= quorum.threshold;
    }
  }
}

/** For people: `2 of (a, b, c)`. */
export function quorumText(quorum: Quorum): string {
  switch (quorum.kind) {
    case 'none':
      return 'no witness';
    case 'witness':
      return quorum.name;
    case 'group':
      return `${quorum.threshold} of (${quorum.members.map(quorumText).join(', ')})`;
  }
}

class PolicyReader {
  readonly #logs: TrustedLog[] = [];
  readonly #witnesses: TrustedWitness[] = [];
  readonly #named = new Map<string, Quorum>([['none', { kind: 'none' }]]);
  readonly #members = new Set<string>();
  #quorum: Quorum | null = null;
  #requiresBlobs = false;

  add(line: string): void {
    // oxlint-disable-next-line no-control-regex -- the format names the control characters it allows
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line)) {
      throw new EvidenceError('it has a control character');
    }
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    const [keyword = '', ...rest] = words;
    if (keyword === '#tidegate') return this.#addOwn(rest);
    if (keyword === '' || keyword.startsWith('#')) return;
    if (keyword === 'log') return this.#addLog(rest);
    if (keyword === 'witness') return this.#addWitness(rest);
    if (keyword === 'group') return this.#addGroup(rest);
    if (keyword === 'quorum') return this.#setQuorum(rest);
    throw new EvidenceError(`${JSON.stringify(keyword)} is not log, witness, group or quorum`);
  }

  finish(): TrustPolicy {
    if (this.#quorum === null) throw new EvidenceError('the policy has no quorum line');
    return {
      logs: this.#logs,
      witnesses: this.#witnesses,
      quorum: this.#quorum,
      requiresBlobs: this.#requiresBlobs,
    };
  }

  #addOwn(words: readonly string[]): void {
    const [wish, more] = words;
    if (wish !== 'require-blobs' || more !== undefined) {
      throw new EvidenceError('after #tidegate only require-blobs is known');
    }
    this.#requiresBlobs = true;
  }

  #addLog(words: readonly string[]): void {
    const [vkey = '', url = null, more] = words;
    if (vkey === '' || more !== undefined) throw new EvidenceError('a log is: log <vkey> [<url>]');
    const key = parseVkey(vkey);
    if (key.type === 'cosignature-ed25519') {
      throw new EvidenceError('a log signs with keys of type 1 or 6, this is one of a witness');
    }
    this.#refuseTwice(key, this.#logs);
    this.#logs.push({ key, url });
  }

  #addWitness(words: readonly string[]): void {
    const [name = '', vkey = '', url = null, more] = words;
    if (vkey === '' || more !== undefined) {
      throw new EvidenceError('a witness is: witness <name> <vkey> [<url>]');
    }
    const key = parseVkey(vkey);
    if (key.type === 'ed25519') {
      throw new EvidenceError('a witness signs with keys of type 4 or 6, this is one of a log');
    }
    // One key under two names would be counted twice (sigstore-js adbe2535 is such a case).
    this.#refuseTwice(key, this.#witnesses);
    this.#name(name, { kind: 'witness', name });
    this.#witnesses.push({ name, key, url });
  }

  #addGroup(words: readonly string[]): void {
    const [name = '', rule = '', ...memberNames] = words;
    if (memberNames.length === 0) {
      throw new EvidenceError('a group is: group <name> all|any|<k> <member>...');
    }
    const members = memberNames.map((each) => this.#member(each));
    const threshold = thresholdOf(rule, members.length);
    this.#name(name, { kind: 'group', threshold, members });
  }

  #setQuorum(words: readonly string[]): void {
    const [name = '', more] = words;
    if (name === '' || more !== undefined) throw new EvidenceError('a quorum is: quorum <name>');
    if (this.#quorum !== null) throw new EvidenceError('there is a second quorum line');
    const quorum = this.#named.get(name);
    if (quorum === undefined)
      throw new EvidenceError(`${JSON.stringify(name)} is not defined above`);
    this.#quorum = quorum;
  }

  #member(name: string): Quorum {
    const member = name === 'none' ? undefined : this.#named.get(name);
    if (member === undefined)
      throw new EvidenceError(`${JSON.stringify(name)} is not defined above`);
    if (this.#members.has(name)) throw new EvidenceError(`${name} is a member twice`);
    this.#members.add(name);
    return member;
  }

  #name(name: string, quorum: Quorum): void {
    if (this.#named.has(name)) throw new EvidenceError(`the name ${name} is taken`);
    this.#named.set(name, quorum);
  }

  #refuseTwice(key: NoteKey, known: readonly { readonly key: NoteKey }[]): void {
    const isKnown = known.some((each) => Buffer.from(each.key.publicKey).equals(key.publicKey));
    if (isKnown) throw new EvidenceError('this public key stands in the policy already');
  }
}

function thresholdOf(rule: string, members: number): number {
  if (rule === 'all') return members;
  if (rule === 'any') return 1;
  const threshold = /^[1-9][0-9]{0,3}$/.test(rule) ? Number(rule) : 0;
  if (threshold < 1 || threshold > members) {
    throw new EvidenceError(`${JSON.stringify(rule)} is not all, any or 1-${members}`);
  }
  return threshold;
}
