import type { AddressInfo } from 'node:net';
import type { UnderWayReading, WorkersReading } from '../../adapters/gateway/control-message.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';
import type { Counters } from './counters.ts';
import type { ProcessMetrics } from './metrics/metric-family.ts';

/** What serves: this process alone (`OwnPlane`), or its worker processes (`WorkerPlane`). */
export interface DataPlane {
  /** Of everything that serves. */
  readonly counters: Counters;
  /** In force wherever requests are served; null: there has been none. */
  readonly table: RouteTable | null;
  /** Null: this process serves by itself. */
  readonly workers: WorkersReading | null;
  /** Requests that instances have now, by instance in a fixed order, and those that wait for an instance, by revision. */
  underWay(): readonly UnderWayReading[];
  /** Set by whoever wants to hear at once that requests wait for a revision's first instance, see `underWay`. */
  onWaiting: () => void;
  /** Set by whoever wants to hear that `workers` has changed. */
  onWorkersChanged: () => void;
  /** Rejects with the system's error (EADDRINUSE) when it cannot listen. */
  listen(address: Address): Promise<AddressInfo>;
  /**
   * Resolves when the table, or a newer one, is in force wherever requests are served: true if this call brought it. It has
   * been checked. `beforeSwitch` is called once, when all requests counted so far ended under earlier tables, and nothing that
   * ends later is in the counters yet.
   */
  apply(table: RouteTable, beforeSwitch: () => void): Promise<boolean>;
  /** Resolves when no request to the revision or instance is under way, or after a bound. */
  drain(id: string): Promise<void>;
  /**
   * What each process that serves has counted for people; asked at each scrape, which must not wait long for one that does
   * not answer. A process that serves says what an OwnPlane of it says.
   */
  metrics(): Promise<readonly ProcessMetrics[]>;
  /** Takes no new connection, finishes what is under way within `boundMs`, counts it, and ends what serves. */
  stop(boundMs: number): Promise<void>;
}

export interface Address {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Other processes of this user listen on it as well; the kernel deals connections out to them (SO_REUSEPORT). */
  readonly isShared?: boolean;
}
