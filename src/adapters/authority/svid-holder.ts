import { X509Certificate } from 'node:crypto';
import { renewsFromMs, validityFrom } from '../../domain/identity/authority-schedule.ts';
import { type DenyList, isDenied, normalSerial } from '../../domain/identity/deny-list.ts';
import type { SpiffeId } from '../../domain/identity/spiffe-id.ts';
import { certificatesIn } from './authority-record.ts';
import type { TrustState } from './trust-state.ts';
import { makeSvid } from './make-certificate.ts';
import { forgetVersions, type SvidVersion, writeSvid } from './svid-folder.ts';

export interface HolderWish {
  readonly id: SpiffeId;
  /** What its certificate has beside the identifier. */
  readonly dnsNames: readonly string[];
  /** It is to know what is trusted no more, too. */
  readonly wantsDenyList: boolean;
}

/** Somebody with a certificate, and the folder it is in. */
export class SvidHolder {
  readonly folder: string;
  #wish: HolderWish;
  #held: Held | null = null;
  #serials: string[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(folder: string, wish: HolderWish) {
    this.folder = folder;
    this.#wish = wish;
  }

  get id(): SpiffeId {
    return this.#wish.id;
  }

  /** Null: nothing was written yet. */
  get version(): SvidVersion | null {
    return this.#held?.version ?? null;
  }

  /** Null: nothing was written yet. */
  get notAfterMs(): number | null {
    return this.#held?.notAfterMs ?? null;
  }

  want(wish: HolderWish): void {
    this.#wish = wish;
  }

  /** Puts a new version in force if it is time, or what others are to be trusted has changed. One call after the other. */
  renew(trust: TrustState, nowMs: number): Promise<void> {
    const next = this.#turn.then(() => this.#renew(trust, nowMs));
    this.#turn = next.catch(() => undefined);
    return next;
  }

  async #renew(trust: TrustState, nowMs: number): Promise<void> {
    const wish = this.#wish;
    const stamp = stampOf(wish, trust);
    if (this.#held !== null && !isDue(this.#held, { wish, stamp, denied: trust.denied, nowMs })) {
      return;
    }
    const { signer } = trust;
    const validity = validityFrom(nowMs, signer.svidLifeMs);
    const made = await makeSvid(signer, { id: wish.id, dnsNames: wish.dnsNames, validity });
    const { serialNumber } = new X509Certificate(made.certificatePem);
    const serial = normalSerial(serialNumber);
    const version: SvidVersion = {
      serial,
      certificatePem: made.certificatePem + signer.intermediatesPem,
      keyPem: made.keyPem,
      bundlePem: trust.bundlePem,
      deniedJson: wish.wantsDenyList ? JSON.stringify(trust.denied) : null,
    };
    await writeSvid(this.folder, version);
    this.#serials = [...this.#serials.slice(-1), serial];
    this.#held = { version, stamp, issuedAtMs: nowMs, ...validity };
    await forgetVersions(this.folder, this.#serials);
  }
}

interface Held {
  readonly version: SvidVersion;
  readonly stamp: string;
  readonly issuedAtMs: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

function isDue(
  held: Held,
  now: {
    readonly wish: HolderWish;
    readonly stamp: string;
    readonly denied: DenyList;
    readonly nowMs: number;
  },
): boolean {
  if (held.stamp !== now.stamp) return true;
  if (now.nowMs >= renewsFromMs(held.issuedAtMs, held.notAfterMs)) return true;
  const { version, notBeforeMs } = held;
  return isDenied(now.denied, { serial: version.serial, id: now.wish.id.text, notBeforeMs });
}

/** What a version is made of beside its time. */
function stampOf({ id, dnsNames, wantsDenyList }: HolderWish, trust: TrustState): string {
  const denied = wantsDenyList ? trust.denied : null;
  return JSON.stringify([id.text, dnsNames, trust.bundlePem, denied]);
}

/** What goes with a certificate so that it leads to a root: the chain without the roots themselves. */
export function intermediatesOf(chainPem: string, rootsPem: string): string {
  const roots = new Set(certificatesIn(rootsPem).map(({ fingerprint256 }) => fingerprint256));
  return certificatesIn(chainPem)
    .filter(({ fingerprint256 }) => !roots.has(fingerprint256))
    .map((certificate) => certificate.toString())
    .join('');
}
