import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { countAbort, type Fault, faultRefusal } from '../fault-injection.ts';
import type { Target } from '../live-revision.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { answerProblem, problemResponse } from '../problem.ts';
import type { RequestObservation } from './request-observation.ts';
import { delaysMax, Slots } from '../slots.ts';

/** One request that has a fault. */
interface Faulted {
  readonly fault: Fault;
  readonly target: Target;
  /** Of `performance.now()`: when the request's head was there. */
  readonly startedMs: number;
}

/** Holds requests up and ends them on purpose, for the engine on node:http. */
export class CompatFaults {
  readonly #metrics: GatewayMetrics;
  readonly #delays = new Slots(delaysMax);

  constructor(metrics: GatewayMetrics) {
    this.#metrics = metrics;
  }

  /** Goes on after the fault's delay, unless the caller is gone by then. */
  afterDelay({ fault, target }: Faulted, caller: ServerResponse | Duplex, goOn: () => void): void {
    if (fault.delayMs === 0 || !this.#delays.take()) {
      goOn();
      return;
    }
    this.#metrics.faults.injected(target.counter.service, 'delay');
    const close = (): void => {
      clearTimeout(timer);
      this.#delays.giveBack();
    };
    const timer = setTimeout(() => {
      caller.off('close', close);
      this.#delays.giveBack();
      goOn();
    }, fault.delayMs);
    caller.on('close', close);
  }

  /** False: an instance is to answer. */
  abort(faulted: Faulted, request: IncomingMessage, response: ServerResponse): boolean {
    const { fault } = faulted;
    if (fault.abort === null) return false;
    this.#count(faulted);
    if (fault.abort === 'reset') request.socket.resetAndDestroy();
    else answerProblem(request, response, faultRefusal(fault.abort, fault.rule));
    return true;
  }

  /** The same for a request that wants a tunnel, and so has no response. */
  abortTunnel(faulted: Faulted, socket: Duplex): boolean {
    const { fault } = faulted;
    if (fault.abort === null) return false;
    this.#count(faulted);
    if (fault.abort === 'reset') (socket as Socket).resetAndDestroy();
    else socket.end(problemResponse(faultRefusal(fault.abort, fault.rule)));
    return true;
  }

  #count({ fault, target, startedMs }: Faulted): void {
    countAbort(target, fault, startedMs);
    const kind = fault.abort === 'reset' ? fault.abort : 'abort';
    this.#metrics.faults.injected(target.counter.service, kind);
  }
}

/** What the log says of a request with this fault. */
export function noteFault(observation: RequestObservation, fault: Fault): void {
  observation.fault = fault.rule?.id ?? null;
  observation.isReset = fault.abort === 'reset';
}
