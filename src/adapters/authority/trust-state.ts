import {
  isAuthorityOld,
  signingAuthority,
  trustedAuthorities,
} from '../../domain/identity/authority-schedule.ts';
import type { DenyList } from '../../domain/identity/deny-list.ts';
import { AuthorityError } from './authority-error.ts';
import type { AuthorityFolder } from './authority-folder.ts';
import { type Authority, certificatesIn } from './authority-record.ts';
import type { Signer } from './make-certificate.ts';
import { intermediatesOf } from './svid-holder.ts';

/** What certificates are made by now, and whom to trust. */
export interface TrustState {
  readonly trustDomain: string;
  readonly signer: Signer & { readonly svidLifeMs: number; readonly intermediatesPem: string };
  /** The roots of all authorities that are trusted now, each once, in PEM. */
  readonly bundlePem: string;
  readonly denied: DenyList;
  /** An own authority nears its end, and no other is there to take its place. */
  readonly isOld: boolean;
  /** Nobody trusts what they have signed any more, and their keys are still there. */
  readonly ended: readonly Authority[];
}

/** Reads an authority's folder again and again; what of it cannot have changed is not read twice. */
export class TrustReader {
  readonly #folder: AuthorityFolder;
  #signer: { readonly number: number; readonly signer: TrustState['signer'] } | null = null;

  constructor(folder: AuthorityFolder) {
    this.#folder = folder;
  }

  /** Null: nobody has made an authority. Rejects with AuthorityError. */
  async read(nowMs: number): Promise<TrustState | null> {
    const authorities = await this.#folder.read();
    // One without a key is over, whatever a clock that was set back says.
    const able = authorities.filter(({ hasKey }) => hasKey);
    const signing = signingAuthority(able, nowMs);
    if (signing === null) {
      if (authorities.length === 0) return null;
      throw new AuthorityError('unreadable', 'no certificate authority has its key any more');
    }
    if (this.#signer?.number !== signing.number) {
      this.#signer = { number: signing.number, signer: await this.#signerOf(signing) };
    }
    const trusted = trustedAuthorities(authorities, nowMs);
    const newest = authorities.at(-1);
    return {
      trustDomain: signing.trustDomain,
      signer: this.#signer.signer,
      bundlePem: bundleOf(trusted),
      denied: await this.#folder.denyList(nowMs),
      ended: able.filter((each) => !trusted.includes(each)),
      isOld: newest === signing && newest.origin === 'own' && isAuthorityOld(newest, nowMs),
    };
  }

  async #signerOf(authority: Authority): Promise<TrustState['signer']> {
    const { chainPem, rootsPem, svidLifeMs } = authority;
    const key = await this.#folder.keyOf(authority);
    const [first] = certificatesIn(chainPem);
    const intermediatesPem = intermediatesOf(chainPem, rootsPem);
    return { certificatePem: first?.toString() ?? '', key, svidLifeMs, intermediatesPem };
  }
}

/** Sorted, so that the same roots are always the same text. */
export function bundleOf(authorities: readonly Pick<Authority, 'rootsPem'>[]): string {
  const all = authorities.flatMap(({ rootsPem }) => certificatesIn(rootsPem));
  const byDigest = new Map(all.map((each) => [each.fingerprint256, each.toString()]));
  return [...byDigest]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, pem]) => pem)
    .join('');
}
