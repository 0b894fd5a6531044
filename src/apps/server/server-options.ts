import type { CgroupWish } from '../../adapters/local-process/limits/cgroup-place.ts';
import type { LedgerPlaceWish } from '../../adapters/system/ledger-place.ts';
import { type BlobSettings } from './ledger/blob-desk.ts';
import { type CdEventWish } from './ledger/cd-event-desk.ts';
import type { DefaultAccess } from './default-access.ts';
import { type WitnessSettings } from './ledger/evidence-desk.ts';

export interface ServerOptions {
  readonly stateFolder: string;
  readonly listen: Address;
  readonly gatewayListen: Address;
  /** Where the gateway serves metrics; null: nowhere. */
  readonly gatewayAdmin: Address | null;
  /** Where instances ask the gateway for flags; null: nowhere. */
  readonly gatewayFlags: Address | null;
  /** Further options of the gateway's program. */
  readonly gatewayArguments: readonly string[];
  /** Processes of the gateway; null: not said. */
  readonly workers: number | 'auto' | null;
  readonly version: string;
  readonly tickMs: number;
  /** Whose values of flags are taken, as `production`; null: as at the last start. */
  readonly environmentName: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where instances get their cgroups. */
  readonly cgroups: CgroupWish;
  /** Null: those of the last start. */
  readonly witnesses: WitnessSettings | null;
  /** What is not said is as it was at the last start. */
  readonly blobs: Partial<BlobSettings>;
  /** Where the ledger is. */
  readonly ledger: LedgerPlaceWish;
  readonly cdEvents: CdEventWish;
  /** Null: that of the last start. */
  readonly defaultAccess: DefaultAccess | null;
  /** Folder with Cedar policies of one's own, or `off`; null: those of the last start. */
  readonly policies: string | null;
  /** File with the settings of an OpenID provider, or `off`; null: that of the last start. */
  readonly oidc: string | null;
  /** Where people reach the server when that is not where it listens; null: it is. */
  readonly publicUrl: string | null;
  /** One line for operators. */
  readonly log: (level: 'info' | 'error', message: string, fields?: object) => void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}
