import { X509Certificate } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  defaultNamespace,
  type SpiffeId,
  spiffeIdOf,
  systemNamespace,
} from '../../domain/identity/spiffe-id.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Credentials, WorkloadIdentities } from '../../ports/workload-identities.ts';
import { AuthorityError } from './authority-error.ts';
import { AuthorityFolder, usualSvidLifeMs, usualTrustDomain } from './authority-folder.ts';
import { currentName, svidFiles } from './svid-folder.ts';
import { SvidHolder } from './svid-holder.ts';
import { TrustReader, type TrustState } from './trust-state.ts';

export interface SvidKeeperOptions {
  /** `ca` and `identity` are made in it. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

/** Names of hosts in one certificate of a gateway, so that it does not grow without end. */
const dnsNamesMax = 200;
const tickMsRange = { min: 100, max: 1000 } as const;

/**
 * Certificates of instances, of the gateway and of the server itself, under `identity/` of the state folder, and their renewing.
 *
 * - K1. An authority is made when the first certificate is wanted, and never before.
 * - K2. A holder that cannot be renewed keeps what it has, and is tried again; the others do not wait for it.
 * - K3. Nothing of a key is in a message.
 */
export class SvidKeeper implements WorkloadIdentities {
  readonly #options: SvidKeeperOptions;
  readonly #authority: AuthorityFolder;
  readonly #trustReader: TrustReader;
  readonly #folder: string;
  readonly #instances = new Map<string, SvidHolder>();
  #gateway: SvidHolder | null = null;
  #server: SvidHolder | null = null;
  #trust: TrustState | null = null;
  #told = '';

  private constructor(options: SvidKeeperOptions) {
    this.#options = options;
    this.#authority = new AuthorityFolder(join(options.stateFolder, 'ca'));
    this.#trustReader = new TrustReader(this.#authority);
    this.#folder = join(options.stateFolder, 'identity');
  }

  /** Rejects with AuthorityError when there is an authority that cannot be used. */
  static async open(options: SvidKeeperOptions): Promise<SvidKeeper> {
    const keeper = new SvidKeeper(options);
    keeper.#trust = await keeper.#trustReader.read(options.clock.nowMs());
    return keeper;
  }

  idOf(service: string): string {
    return this.#idOf({ namespace: defaultNamespace, name: service }).text;
  }

  async grant({
    instanceId,
    service,
  }: {
    readonly instanceId: string;
    readonly service: string;
  }): Promise<Readonly<Record<string, string>>> {
    const trust = await this.#trusted();
    const known = this.#instances.get(instanceId);
    const id = this.#idOf({ namespace: defaultNamespace, name: service });
    const wish = { id, dnsNames: ['localhost'], wantsDenyList: false };
    const holder = known ?? new SvidHolder(this.#folderOf(instanceId), wish);
    this.#instances.set(instanceId, holder);
    await holder.renew(trust, this.#options.clock.nowMs());
    // It shows its own to the instance; the hosts are those of an earlier server until others are known.
    if (this.#gateway === null) await this.grantGateway(await this.#hostsBefore());
    const place = join(holder.folder, currentName);
    return {
      TIDEGATE_SPIFFE_ID: holder.id.text,
      TIDEGATE_SVID: join(place, svidFiles.certificate),
      TIDEGATE_SVID_KEY: join(place, svidFiles.key),
      TIDEGATE_TRUST_BUNDLE: join(place, svidFiles.bundle),
    };
  }

  endsAtMs(instanceId: string): number | null {
    return this.#instances.get(instanceId)?.notAfterMs ?? null;
  }

  async withdraw(instanceId: string): Promise<void> {
    this.#instances.delete(instanceId);
    await rm(this.#folderOf(instanceId), { recursive: true, force: true });
  }

  /** Instances of an earlier server that are gone: their files go, too. Those that are there are to be granted again. */
  async retain(instanceIds: ReadonlySet<string>): Promise<void> {
    const there = await readdir(join(this.#folder, 'instances')).catch(() => []);
    for (const instanceId of there) {
      if (!instanceIds.has(instanceId)) await this.withdraw(instanceId);
    }
  }

  /** The gateway of this state folder is to have a certificate, which speaks for these hosts, too. */
  async grantGateway(hosts: readonly string[]): Promise<void> {
    const trust = await this.#trusted();
    const id = this.#idOf({ namespace: systemNamespace, name: 'gateway' });
    const dnsNames = [...new Set(hosts)].toSorted().slice(0, dnsNamesMax);
    const wish = { id, dnsNames, wantsDenyList: true };
    this.#gateway ??= new SvidHolder(join(this.#folder, 'gateway'), wish);
    this.#gateway.want(wish);
    await this.#gateway.renew(trust, this.#options.clock.nowMs());
  }

  async #hostsBefore(): Promise<readonly string[]> {
    const path = join(this.#folder, 'gateway', currentName, svidFiles.certificate);
    const pem = await readFile(path, 'utf8').catch(() => null);
    const names = pem === null ? '' : (new X509Certificate(pem).subjectAltName ?? '');
    return names.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : []));
  }

  async ownCredentials(): Promise<Credentials> {
    const trust = await this.#trusted();
    const id = this.#idOf({ namespace: systemNamespace, name: 'server' });
    const wish = { id, dnsNames: [], wantsDenyList: false };
    this.#server ??= new SvidHolder(join(this.#folder, 'server'), wish);
    await this.#server.renew(trust, this.#options.clock.nowMs());
    const { version } = this.#server;
    if (version === null) throw new AuthorityError('unreadable', 'the server has no certificate');
    return version;
  }

  /** Renews until the signal is aborted; whatever goes wrong is told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#tick().catch((error: unknown) =>
        this.#tell(`cannot renew certificates: ${messageOf(error)}`),
      );
      const lifeMs = this.#trust?.signer.svidLifeMs ?? usualSvidLifeMs;
      const tickMs = Math.max(tickMsRange.min, Math.min(tickMsRange.max, lifeMs / 10));
      await clock.sleep(tickMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options;
    const trust = await this.#trustReader.read(clock.nowMs());
    this.#trust = trust;
    if (trust === null) return;
    if (trust.isOld) {
      const { number } = await this.#authority.rotate(null, clock.nowMs());
      this.#options.log(`the certificate authority nears its end: made authority ${number}`);
    }
    let trouble = '';
    for (const ended of trust.ended) {
      await this.#authority.forgetKey(ended);
      this.#options.log(`certificate authority ${ended.number} is over: removed its key`);
    }
    const renew = async (holder: SvidHolder): Promise<void> => {
      await holder.renew(trust, clock.nowMs()).catch((error: unknown) => {
        trouble = `cannot renew the certificate of ${holder.id.text}: ${messageOf(error)}`;
      });
    };
    for (const holder of [this.#gateway, this.#server]) if (holder !== null) await renew(holder);
    for (const [instanceId, holder] of this.#instances) {
      await renew(holder);
      // It was withdrawn meanwhile.
      if (!this.#instances.has(instanceId)) await this.withdraw(instanceId);
    }
    this.#tell(trouble);
  }

  /** Once, until it changes. */
  #tell(message: string): void {
    if (message !== '' && message !== this.#told) this.#options.log(message);
    this.#told = message;
  }

  async #trusted(): Promise<TrustState> {
    const { clock, log } = this.#options;
    const known = await this.#trustReader.read(clock.nowMs());
    this.#trust = known;
    if (known !== null) return known;
    const wish = { trustDomain: usualTrustDomain, svidLifeMs: usualSvidLifeMs, given: null };
    await this.#authority.init({ ...wish, nowMs: clock.nowMs() }).catch((error: unknown) => {
      // A command has made one at the same moment.
      if (!(error instanceof AuthorityError && error.code === 'conflict')) throw error;
    });
    const made = await this.#trustReader.read(clock.nowMs());
    if (made === null) throw new AuthorityError('unreadable', 'there is no certificate authority');
    log(`made a certificate authority for ${made.trustDomain}`);
    this.#trust = made;
    return made;
  }

  #idOf(workload: { readonly namespace: string; readonly name: string }): SpiffeId {
    return spiffeIdOf(this.#trust?.trustDomain ?? usualTrustDomain, workload);
  }

  #folderOf(instanceId: string): string {
    return join(this.#folder, 'instances', instanceId);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
