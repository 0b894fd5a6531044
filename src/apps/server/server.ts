import { mkdir, rm } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { type GatewayProcess } from '../../adapters/gateway/gateway-process.ts';
import { GatewayStandbyChecker } from '../../adapters/load/gateway-standby-checker.ts';
import { readProcess } from '../../adapters/local-process/process-table.ts';
import { PrometheusTextMetrics } from '../../adapters/prometheus-text/prometheus-text-metrics.ts';
import type { ServerStatus } from '../../api/wire.ts';
import { ApprovalDesk } from '../../control/desks/approval-desk.ts';
import { CacheDesk } from '../../control/desks/cache-desk.ts';
import { FaultDesk } from '../../control/desks/fault-desk.ts';
import { exportLedger } from '../../control/ledger/ledger-export.ts';
import { ControlLoop } from '../../control/loop/loop.ts';
import { mergedMetrics } from '../../control/metrics/merged-metrics.ts';
import { InstanceScaler } from '../../control/scaling/instance-scaler.ts';
import { ResourceWatch } from '../../control/scaling/resource-watch.ts';
import { MetricScraper } from '../../control/metrics/metric-scraper.ts';
import { requiredBlob } from '../../control/recording/projections.ts';
import { scrapeTargets } from '../../control/metrics/scrape-targets.ts';
import { isServiceStream, recoverServices } from '../../control/recording/recovery.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import type { LedgerError } from '../../ports/ledger-store.ts';
import { IdempotencyStore } from './access/idempotency-store.ts';
import { openAccess } from './access/open-access.ts';
import { writePrivately } from './access/private-files.ts';
import { BlobDesk } from './ledger/blob-desk.ts';
import { ControlPlane } from './control-plane.ts';
import { defaultAuthorization as openDefault } from './default-access.ts';
import { withEjections } from './ejected-instances.ts';
import { FlowMeter } from './flow-meter.ts';
import { environmentNameOf } from './release-files/environment-name.ts';
import { recordView } from './views/event-view.ts';
import { keepGatewayHosts } from './gateway-hosts.ts';
import { httpServer } from './http/http-server.ts';
import { whileHeld } from './ledger/ledger-opening.ts';
import { RateMeter } from './rate-meter.ts';
import { timeText } from './views/time-text.ts';
import { RolloutDesk } from './rollout-desk.ts';
import { TimelineJournal } from './timeline-journal.ts';
import type { ServerParts } from './server-parts.ts';
import type { Address, ServerOptions } from './server-options.ts';
import { gatewayUrl, openWorld, urlOf, type World } from './server-world.ts';
import { limitTrouble } from './views/limits-view.ts';

/**
 * The control plane of one state folder on one machine: composes the parts, runs until the signal is aborted or a stop
 * is asked for, and leaves instances and gateway running unless the stop says `all`.
 */
export async function runServer(said: ServerOptions, signal: AbortSignal): Promise<void> {
  const { stateFolder } = said;
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const environmentName = await environmentNameOf(stateFolder, said.environmentName);
  const options = { ...said, environmentName };
  await using resources = new AsyncDisposableStack();
  const stopping = new AbortController();
  const both = AbortSignal.any([signal, stopping.signal]);
  const world = await openWorld(options, resources, both);
  const access = await openDefault(options.stateFolder, options.defaultAccess);
  const loop = await openLoop(options, { ...world, defaultAuthorization: access }, both);
  const wish = { all: false };
  const stop = (all: boolean): void => {
    wish.all = all;
    setImmediate(() => stopping.abort(new Error('asked to stop')));
  };
  try {
    await listen(options, { world, resources, signal: both, stop, access, ...loop });
  } catch (error) {
    // Nobody would find a gateway whose server never ran: `down` asks the server.
    if (world.isGatewayNew) await world.gateway.stop(new AbortController().signal);
    throw error;
  }
  const scraping = loop.scraper.run(both);
  // A defect there ends the server as one of the loop does.
  scraping.catch((error: unknown) => stopping.abort(error));
  const scaling = Promise.all([loop.scaler.run(both), loop.resourceWatch.run(both)]);
  scaling.catch((error: unknown) => stopping.abort(error));
  // The loop answers it once it runs.
  const resuming = loop.desk.resume(both).catch((error: unknown) => {
    if (!both.aborted)
      options.log('error', `cannot count the recorded approvals: ${String(error)}`);
  });
  const checkpointing = world.evidence.run(both);
  checkpointing.catch((error: unknown) => stopping.abort(error));
  const retiring = loop.blobs.run(both);
  retiring.catch((error: unknown) => stopping.abort(error));
  const telling = world.cdEvents.run(both);
  const renewing = renewCertificates(options, world, loop.loop, both);
  renewing.catch((error: unknown) => stopping.abort(error));
  const lost = lossOf(world, stopping);
  try {
    await loop.loop.run(both);
  } finally {
    stopping.abort(new Error('the server is stopping'));
    await resuming;
    await scraping;
    await scaling;
    await renewing;
    await checkpointing;
    await retiring;
    await telling;
  }
  if (lost.error !== null) throw lost.error;
  if (wish.all) await stopEverything(options, world, loop.loop);
}

async function renewCertificates(
  { log }: ServerOptions,
  { identities, clock }: World,
  loop: ControlLoop,
  signal: AbortSignal,
): Promise<void> {
  const toldOf = (message: string): void => log('error', message);
  const wish = { identities, clock, services: () => loop.services, log: toldOf };
  await Promise.all([identities.run(signal), keepGatewayHosts(wish, signal)]);
}

/** Stops when another controller has taken the ledger over; instances and gateway go on as they are. */
function lossOf(world: World, stopping: AbortController): { readonly error: LedgerError | null } {
  const loss: { error: LedgerError | null } = { error: null };
  void world.lease?.lost.then((error) => {
    loss.error = error;
    stopping.abort(error);
  });
  return loss;
}

async function openLoop(
  options: ServerOptions,
  world: World & Pick<ServerParts, 'defaultAuthorization'>,
  signal: AbortSignal,
): Promise<{
  readonly loop: ControlLoop;
  readonly desk: ApprovalDesk;
  readonly faults: FaultDesk;
  readonly cache: CacheDesk;
  readonly blobs: BlobDesk;
  readonly scraper: MetricScraper;
  readonly scaler: InstanceScaler;
  readonly resourceWatch: ResourceWatch;
  readonly meter: RateMeter;
  readonly flows: FlowMeter;
}> {
  const { store, recorder, clock, platform, router, feed } = world;
  const recovered = await recoverServices(recorder.replayTails(isServiceStream, signal), (sha256) =>
    requiredBlob(store, sha256, signal),
  );
  const { stateFolder, log } = options;
  const blobs = await BlobDesk.open({ ...world, stateFolder, log, signal }, options.blobs);
  const faults = await FaultDesk.open({ recorder, clock }, signal);
  const cache = await CacheDesk.open({ recorder, clock }, signal);
  const scraper: MetricScraper = new MetricScraper({
    metrics: new PrometheusTextMetrics({ identities: world.identities }),
    clock,
    targets: () => scrapeTargets(loop.services, loop.instances),
  });
  const metrics = mergedMetrics([router, scraper]);
  const loop: ControlLoop = new ControlLoop(
    {
      platform: withEjections(platform, () => router.ejectedIds),
      router,
      metrics,
      recorder,
      clock,
      faultsOf: (service) => faults.rulesOf(service),
      withPurges: (routes) => cache.routesWith(routes),
      defaultAuthorization: world.defaultAuthorization,
      flagTokenSha256: (revisionId) => sha256Hex(platform.inputs.secrets.flagTokenOf(revisionId)),
      standby: new GatewayStandbyChecker(() => gatewayUrl(world.gateway)),
      witnesses: world.evidence.witnesses,
      anchor: async (service, index, until) => {
        await world.evidence.anchor.wait(service, index, until);
        await whileHeld(world, until);
      },
    },
    {
      tickMs: options.tickMs,
      onRecord: (record, index) => {
        feed.publish(recordView(record, index));
        blobs.rollouts.heard(record, index, signal);
      },
      onLedgerTrouble: (message) => world.trouble.tell('append', message),
    },
    recovered,
  );
  world.withdrawal.attach(loop);
  const desk = new ApprovalDesk({ loop, recorder, clock });
  const isHeard = (): boolean => router.isConnected;
  const gauges = new PrometheusTextMetrics({ identities: world.identities });
  const scaler = new InstanceScaler({ loop, usage: platform, router, gauges, clock, isHeard });
  const resourceWatch = new ResourceWatch({ loop, usage: platform, clock });
  return { loop, desk, faults, cache, blobs, scraper, scaler, resourceWatch, ...metersOf(loop) };
}

/** What people see of the traffic, beside what is decided by it. */
function metersOf(loop: ControlLoop): { readonly meter: RateMeter; readonly flows: FlowMeter } {
  const meter = new RateMeter();
  const flows = new FlowMeter();
  loop.onSample = (sample) => {
    meter.add(sample);
    flows.add(sample);
  };
  return { meter, flows };
}

async function listen(
  options: ServerOptions,
  running: Awaited<ReturnType<typeof openLoop>> & {
    readonly world: World;
    readonly access: ServerParts['defaultAuthorization'];
    readonly resources: AsyncDisposableStack;
    readonly signal: AbortSignal;
    readonly stop: (all: boolean) => void;
  },
): Promise<void> {
  const { world, loop, desk, faults, blobs, signal, stop, resources } = running;
  const { recorder, clock, platform, store, keys } = world;
  const startedAtMs = clock.nowMs();
  const address = { url: '' };
  const http = await httpServer({
    desk,
    faults,
    defaultAuthorization: running.access,
    cache: running.cache,
    loads: blobs.loads,
    flows: running.flows,
    timeline: new TimelineJournal(recorder),
    releaseEvidence: { store, notes: () => keys.notesAt(recorder) },
    clock,
    recorder,
    version: options.version,
    ...(await openAccess(options, world, resources, signal)),
    listening: () => address.url,
    writes: resources.use(await IdempotencyStore.open(writesPath(options), clock.nowMs())),
    log: options.log,
    ...openDesks(options, running),
    loop,
    platform,
    feed: world.feed,
    notReady: () => world.trouble.message,
    status: () => statusOf(options, world, { startedAtMs, signal }),
    exportLedger: (until, from) => withLineFeeds(exportLedger(store, recorder.signer, until, from)),
    rotateKeys: (why, until) => keys.rotate(recorder, why, until),
    makeCheckpoint: (until) => world.evidence.checkpointer.make(until, { isKept: true }),
    stop,
    signal,
  });
  resources.defer(() => http.close());
  address.url = await bind(http, options.listen);
  const file = join(options.stateFolder, serverFileName);
  const found = {
    url: address.url,
    gatewayUrl: gatewayUrl(world.gateway),
    metricsUrl: metricsUrl(world.gateway),
    pid: process.pid,
    startTicks: readProcess(process.pid)?.startTicks ?? null,
    version: options.version,
    limitTrouble: limitTrouble(options.cgroups),
  };
  await writePrivately(file, `${JSON.stringify(found)}\n`);
  resources.defer(() => rm(file, { force: true }));
  options.log('info', 'listening', { url: address.url, gatewayUrl: gatewayUrl(world.gateway) });
  // Node keeps it at an orderly exit only; a server that is killed shall start as fast the next time.
  flushCompileCache();
}

function writesPath({ stateFolder }: ServerOptions): string {
  return join(stateFolder, 'writes.jsonl');
}

/** What the routes ask about services and rollouts. */
function openDesks(
  options: ServerOptions,
  running: Awaited<ReturnType<typeof openLoop>> & { readonly world: World },
): Pick<ServerParts, 'plane' | 'rollouts'> {
  const { world, loop, faults, meter, scaler } = running;
  const { recorder, clock, platform, store } = world;
  const plane = new ControlPlane({
    loop,
    heldBy: (service) => world.evidence.heldBy(service),
    scaler,
    resources: running.resourceWatch,
    faults,
    recorder,
    store,
    version: options.version,
    clock,
    meter,
    inputs: platform.inputs,
    environmentName: options.environmentName,
    environment: options.environment,
  });
  const traffic = (service: string) => plane.traffic(service);
  return { plane, rollouts: new RolloutDesk({ loop, recorder, store, clock, traffic }) };
}

/** Resolves with the URL it listens on. */
async function bind(
  http: Awaited<ReturnType<typeof httpServer>>,
  { host, port }: Address,
): Promise<string> {
  try {
    return await http.listen({ host, port });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const isTaken = error.code === 'EADDRINUSE';
    const why = isTaken ? 'the port is in use' : error.message;
    const message = `cannot listen on ${host}:${port}: ${why}; choose another address with --listen`;
    throw Object.assign(new Error(message, { cause: error }), { code: error.code });
  }
}

/** Where the CLI finds a running server. */
export const serverFileName = 'server.json';

async function statusOf(
  options: ServerOptions,
  world: World,
  now: {
    readonly startedAtMs: number;
    readonly signal: AbortSignal;
  },
): Promise<ServerStatus> {
  const { startedAtMs, signal } = now;
  const tableVersion = await world.router.version(signal);
  return {
    version: options.version,
    pid: process.pid,
    startedAt: timeText(startedAtMs),
    stateFolder: options.stateFolder,
    rssBytes: process.memoryUsage.rss(),
    gateway: {
      url: gatewayUrl(world.gateway),
      metricsUrl: metricsUrl(world.gateway),
      pid: world.gateway.file.pid,
      isReachable: world.router.isConnected,
      tableVersion,
      restarts: world.gateway.restarts,
      workers: world.router.workers,
    },
    ledger: {
      // As the recorder knows them: a store that is away must not keep anybody from seeing that it is.
      entries: world.recorder.size,
      headLeafHash: world.recorder.headLeafHash,
      keyId: world.keys.signer.keyId,
      trouble: world.trouble.message,
      witnessMode: world.evidence.mode,
      witnessProblem: world.evidence.problem,
    },
    cdEvents: world.cdEvents.status,
  };
}

/** Instances first, so that the gateway still finishes what they answer. */
async function stopEverything(
  options: ServerOptions,
  world: World,
  loop: ControlLoop,
): Promise<void> {
  const { signal } = new AbortController();
  options.log('info', 'stopping instances and gateway');
  const revisions = loop.services.flatMap((state) => [
    ...state.stables,
    ...(state.rollout === null ? [] : [state.rollout.candidate]),
  ]);
  const unique = [...new Map(revisions.map((each) => [each.id, each])).values()];
  const stops = unique.map((revision) => world.platform.stop(revision, signal));
  // One that cannot be stopped keeps neither the others nor the gateway; it is told when they are gone.
  await Promise.allSettled(stops);
  await world.gateway.stop(signal);
  await Promise.all(stops);
}

/** Null: the gateway serves none. */
function metricsUrl(gateway: GatewayProcess): string | null {
  const { admin } = gateway.file;
  return admin === null ? null : `${urlOf(admin)}/metrics`;
}

async function* withLineFeeds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}
