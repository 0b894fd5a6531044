import type { Revision } from '../../src/domain/release/revision.ts';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';
import { LedgerError, type LedgerBatch, type LedgerStore } from '../../src/ports/ledger-store.ts';
import { type Instance, type Platform, PlatformError } from '../../src/ports/platform.ts';
import type { StandbyChecker } from '../../src/ports/standby-checker.ts';
import { RouterError, type TrafficRouter } from '../../src/ports/traffic-router.ts';
import type { Random } from './random.ts';
import type { Fault, FaultKind } from './scenario.ts';
import type { ProcessClock } from './virtual-clock.ts';
import type { Witness } from './witness.ts';

/** The world's own parts, which live on when the process dies. */
export interface Ports {
  readonly platform: Platform;
  readonly router: TrafficRouter;
  readonly store: LedgerStore;
  readonly standby: StandbyChecker;
}

/** What one process meets on its way to the world. */
export interface Road {
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly witness: Witness;
  /** The fault of this kind that is on now; null: none. */
  readonly fault: (kind: FaultKind) => Fault | null;
  readonly isUnstartable: (revisionId: string) => boolean;
  /** Counts a call towards the next crash; true: the process has just died here, or is dead already. */
  readonly isDeadAt: (moment: 'before' | 'after') => boolean;
}

/**
 * The ports as one process has them: each call may be slow, fail before or after its effect, or be the one at which the
 * process dies. A dead process gets no answer any more, so it stands still for good, as a killed one does.
 */
export function faultyPorts(inner: Ports, road: Road): Ports {
  return {
    platform: faultyPlatform(inner.platform, road),
    router: faultyRouter(inner.router, road),
    store: faultyStore(inner.store, road),
    standby: faultyChecker(inner.standby, road),
  };
}

interface Troubles {
  readonly slow: FaultKind;
  readonly fails: FaultKind;
  readonly answerLost: FaultKind | null;
  readonly error: () => Error;
}

async function travel<Answer>(
  road: Road,
  call: () => Promise<Answer>,
  troubles: Troubles,
  signal: AbortSignal,
): Promise<Answer> {
  if (road.isDeadAt('before')) return never();
  const slow = hit(road, troubles.slow);
  const isSlowBefore = slow !== null && road.random.chance(0.5);
  if (isSlowBefore) await road.clock.sleep(slow.durationMs, signal);
  if (hit(road, troubles.fails) !== null) throw troubles.error();
  // Memory adapters do their work before the first turn, so the effect and its witness are of one moment.
  const answer = call();
  road.witness.look();
  if (road.isDeadAt('after')) {
    answer.catch(() => undefined);
    return never();
  }
  const value = await answer;
  road.witness.look();
  if (slow !== null && !isSlowBefore) await road.clock.sleep(slow.durationMs, signal);
  if (troubles.answerLost !== null && hit(road, troubles.answerLost) !== null) {
    throw troubles.error();
  }
  return road.isDeadAt('before') ? never() : value;
}

function hit(road: Road, kind: FaultKind): Fault | null {
  const fault = road.fault(kind);
  return fault !== null && road.random.chance(fault.ratio) ? fault : null;
}

function never<Answer>(): Promise<Answer> {
  return new Promise(() => undefined);
}

function faultyRouter(inner: TrafficRouter, road: Road): TrafficRouter {
  const error = (): Error =>
    new RouterError('unreachable', 'cannot reach the router (planned)', { retryable: true });
  const troubles: Troubles = {
    slow: 'router-slow',
    fails: 'router-fails',
    answerLost: 'router-answer-lost',
    error,
  };
  return {
    apply: (table: RouteTable, signal) =>
      travel(road, () => inner.apply(table, signal), troubles, signal),
    drain: (revisionId, signal) =>
      travel(
        road,
        () => inner.drain(revisionId, signal),
        { ...troubles, answerLost: null },
        signal,
      ),
    version: (signal) => {
      road.witness.building();
      return travel(road, () => inner.version(signal), { ...troubles, answerLost: null }, signal);
    },
  };
}

function faultyPlatform(inner: Platform, road: Road): Platform {
  const error = (): Error =>
    new PlatformError('start-failed', 'cannot reach the machine (planned)', { retryable: true });
  const blind = (): Error =>
    new PlatformError('state-unreadable', 'cannot see the machine (planned)', { retryable: true });
  const troubles: Troubles = {
    slow: 'platform-slow',
    fails: 'platform-fails',
    answerLost: null,
    error,
  };
  return {
    ensure: (revision: Revision, count, signal) => {
      if (road.isUnstartable(revision.id)) return Promise.reject(unstartable(revision));
      return travel(road, () => inner.ensure(revision, count, signal), troubles, signal);
    },
    replace: (revision: Revision, wanted, signal) => {
      if (road.isUnstartable(revision.id)) return Promise.reject(unstartable(revision));
      return travel(road, () => inner.replace(revision, wanted, signal), troubles, signal);
    },
    stop: (revision, signal) => travel(road, () => inner.stop(revision, signal), troubles, signal),
    observe: (signal): Promise<readonly Instance[]> =>
      travel(
        road,
        () => inner.observe(signal),
        { ...troubles, fails: 'platform-blind', error: blind },
        signal,
      ),
    logs: (query, signal) => inner.logs(query, signal),
  };
}

/** Its requests take the router's way. */
function faultyChecker(inner: StandbyChecker, road: Road): StandbyChecker {
  return {
    check: async (standby, signal) => {
      if (road.isDeadAt('before')) return never();
      if (hit(road, 'router-fails') !== null) {
        return { kind: 'not-made', message: 'cannot reach the router (planned)' };
      }
      const report = await inner.check(standby, signal);
      return road.isDeadAt('after') ? never() : report;
    },
  };
}

function unstartable(revision: Revision): PlatformError {
  const message = `cannot start ${revision.id}: no such program (planned)`;
  return new PlatformError('start-failed', message, { retryable: false });
}

function faultyStore(inner: LedgerStore, road: Road): LedgerStore {
  const error = (): Error =>
    new LedgerError('full', 'cannot append to the ledger: no space left (planned)', {
      retryable: true,
    });
  return {
    append: (batch: LedgerBatch, signal) =>
      travel(
        road,
        () => inner.append(batch, signal),
        { slow: 'store-slow', fails: 'store-full', answerLost: 'store-answer-lost', error },
        signal,
      ),
    head: (signal) => inner.head(signal),
    read: (query, signal) => inner.read(query, signal),
    blob: (sha256, signal) => inner.blob(sha256, signal),
  };
}

/** The store as the witness sees it: an entry has happened when the bytes are there, whoever learns of it. */
export function witnessedStore(inner: LedgerStore, witness: Witness): LedgerStore {
  return {
    append: async (batch, signal) => {
      const outcome = await inner.append(batch, signal);
      if (outcome === 'appended') witness.appended(batch);
      return outcome;
    },
    head: (signal) => inner.head(signal),
    read: (query, signal) => inner.read(query, signal),
    blob: (sha256, signal) => inner.blob(sha256, signal),
  };
}
