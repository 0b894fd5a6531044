import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GatewayClient } from '../../adapters/gateway/gateway-client.ts';
import { controlSocketName, findGateway } from '../../adapters/gateway/gateway-file.ts';
import { ensureGateway, type GatewayProcess } from '../../adapters/gateway/gateway-process.ts';
import {
  type LocalProcessPlatform,
  openLocalProcessPlatform,
} from '../../adapters/local-process/local-process-platform.ts';
import { SvidKeeper } from '../../adapters/authority/svid-keeper.ts';
import { rememberedCheckpoint } from '../../adapters/system/newest-checkpoint.ts';
import { SystemClock } from '../../adapters/system/system-clock.ts';
import { openRecorder, type Recorder } from '../../control/recording/recorder.ts';
import { requireNotRolledBack } from '../../control/ledger/rolled-back.ts';
import { lastObservedAtMs } from '../../control/recording/recorder-index.ts';
import { CdEventDesk } from './ledger/cd-event-desk.ts';
import { EjectionJournal } from './ledger/ejection-journal.ts';
import { EvidenceDesk } from './ledger/evidence-desk.ts';
import { EventFeed } from './event-feed.ts';
import { gatewayJournal, workerJournal } from './ledger/gateway-journal.ts';
import { type OpenedLedger, openServerLedger } from './ledger/ledger-opening.ts';
import { LedgerTrouble } from './ledger/ledger-trouble.ts';
import { LogKeyDesk } from './ledger/log-key-desk.ts';
import { Withdrawal } from './withdrawal.ts';
import { witnessJournal } from './ledger/witness-journal.ts';
import type { Address, ServerOptions } from './server-options.ts';

/** What is open while the server runs, but for the loop and HTTP. */
export interface World extends Pick<OpenedLedger, 'store' | 'lease'> {
  readonly trouble: LedgerTrouble;
  readonly keys: LogKeyDesk;
  readonly clock: SystemClock;
  readonly recorder: Recorder;
  readonly gateway: GatewayProcess;
  /** Started now, not left from an earlier server. The ledger's lock keeps other servers from starting one meanwhile. */
  readonly isGatewayNew: boolean;
  readonly router: GatewayClient;
  readonly platform: LocalProcessPlatform;
  readonly identities: SvidKeeper;
  readonly withdrawal: Withdrawal;
  readonly feed: EventFeed;
  readonly evidence: EvidenceDesk;
  readonly cdEvents: CdEventDesk;
}

/** Opens what the loop acts on and records in, each part with those before it; `resources` closes them in the other order. */
export async function openWorld(
  options: ServerOptions,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<World> {
  const { stateFolder, log, version, witnesses: settings } = options;
  const trouble = new LedgerTrouble(log);
  const { store, lease, remember } = await openServerLedger(
    { stateFolder, wish: options.ledger, trouble, resources },
    signal,
  );
  const known = await rememberedCheckpoint(stateFolder);
  if (known !== null) await requireNotRolledBack(store, known, signal);
  const keys = await LogKeyDesk.open(join(stateFolder, 'keys'));
  const clock = new SystemClock({ notBeforeMs: await lastObservedAtMs(store, signal) });
  const recorder = resources.use(
    await openRecorder({ store, tree: store, ...signersOf(keys), clock, version }, signal),
  );
  await keys.settle(recorder);
  await remember();
  const feed = new EventFeed();
  const told = { recorder, clock, feed, log };
  const ofDesk = { stateFolder, store, clock, settings, log, onAlert: witnessJournal(told) };
  const evidence = await EvidenceDesk.open({ ...ofDesk, signers: () => keys.notesAt(recorder) });
  const size = (): number => recorder.size;
  const ofSink = { ledger: store, size, clock, log };
  const cdEvents = await CdEventDesk.open(ofSink, stateFolder, options.cdEvents);
  const isGatewayNew = (await findGateway(stateFolder)) === null;
  const journal = gatewayJournal(told);
  const ejections = resources.use(new EjectionJournal(journal));
  const gateway = resources.use(await gatewayOf(options, journal, signal));
  const router = resources.use(
    new GatewayClient({
      socketPath: join(stateFolder, controlSocketName),
      onWorkers: workerJournal(journal),
      onEjections: (changes) => ejections.note(changes),
    }),
  );
  const withdrawal = new Withdrawal();
  const toldOf = (message: string): void => log('info', message);
  const identities = await SvidKeeper.open({ stateFolder, clock, log: toldOf });
  const around = { clock, gateway, withdrawal, identities };
  const platform = resources.use(await platformOf(options, around));
  await identities.retain(new Set((await platform.observe(signal)).map(({ id }) => id)));
  return {
    store,
    lease,
    trouble,
    keys,
    clock,
    recorder,
    feed,
    gateway,
    isGatewayNew,
    router,
    platform,
    identities,
    withdrawal,
    evidence,
    cdEvents,
  };
}

function platformOf(
  { stateFolder, environment, cgroups, log }: ServerOptions,
  around: Pick<World, 'clock' | 'gateway' | 'withdrawal' | 'identities'>,
): Promise<LocalProcessPlatform> {
  const { clock, gateway, withdrawal, identities } = around;
  return openLocalProcessPlatform({
    folder: join(stateFolder, 'instances'),
    clock,
    gatewayUrl: gatewayUrl(gateway),
    flagsUrl: () => (gateway.file.flags === null ? null : urlOf(gateway.file.flags)),
    environment,
    cgroups,
    onTrouble: (sentence) => log('info', sentence),
    beforeEnd: (instanceId, until) => withdrawal.of(instanceId, until),
    identities,
  });
}

function gatewayOf(
  options: ServerOptions,
  onEvent: ReturnType<typeof gatewayJournal>,
  signal: AbortSignal,
): Promise<GatewayProcess> {
  const wish = {
    stateFolder: options.stateFolder,
    listen: options.gatewayListen,
    ...(options.gatewayAdmin === null ? {} : { admin: options.gatewayAdmin }),
    ...(options.gatewayFlags === null ? {} : { flags: options.gatewayFlags }),
    arguments: options.gatewayArguments,
    nodePath: process.execPath,
    entry: siblingEntry('../gateway/main'),
    ...(options.workers === null ? {} : { workers: options.workers }),
    onEvent,
  };
  return ensureGateway(wish, signal);
}

function signersOf({ signer, successor }: LogKeyDesk) {
  return { signer, successor };
}

export function gatewayUrl(gateway: GatewayProcess): string {
  return urlOf(gateway.file);
}

export function urlOf({ host, port }: Address): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The entry of another program of this package: TypeScript in the sources, JavaScript in the built package. */
function siblingEntry(path: string): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`${path}${extension}`, import.meta.url));
}
