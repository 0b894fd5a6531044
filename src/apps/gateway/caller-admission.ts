import type { Socket } from 'node:net';
import type { AccessLog } from './access-log/access-log.ts';
import { refusedRecord } from './access-log/refused-record.ts';
import type { CallerLimits } from './caller-limits.ts';
import { plainAddress } from './forwarded-headers.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';
import { problemResponse } from './problem.ts';
import type { Refusal } from './refusal.ts';

/** Connections that are being told so at one time; further ones are cut without a word. */
const refusingMax = 256;
/** For a refused caller to read why. */
const lingerMs = 2000;

export interface AdmissionOptions {
  readonly limits: CallerLimits;
  readonly metrics: GatewayMetrics;
  readonly accessLog: AccessLog | null;
}

/** Counts the connections of callers and refuses those beyond the limits, before anything is read from them. */
export class CallerAdmission {
  readonly #options: AdmissionOptions;
  readonly #byAddress = new Map<string, number>();
  /** Open, whatever is spoken on them. */
  connections = 0;
  #refusing = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** For `maxConnections` of a server: beyond it the system's own word is the answer. */
  get serverConnectionsMax(): number {
    return this.#options.limits.connections + refusingMax;
  }

  /** True: it may stay, until it closes. False: it has been dealt with. */
  admit(socket: Socket, speech: 'http' | 'tls'): boolean {
    const address = socket.remoteAddress;
    if (address === undefined) {
      // Gone already.
      socket.destroy();
      return false;
    }
    const { metrics } = this.#options;
    metrics.connectionsAccepted += 1;
    const refusal = this.#refusal(address);
    if (refusal !== null) {
      this.#refuse(socket, { refusal, address, speech });
      return false;
    }
    this.connections += 1;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    socket.on('close', () => this.#closed(address));
    return true;
  }

  #refusal(address: string): Refusal | null {
    const { connections, connectionsPerAddress } = this.#options.limits;
    if (this.connections >= connections) return tooMany;
    return (this.#byAddress.get(address) ?? 0) >= connectionsPerAddress ? tooManyOfCaller : null;
  }

  #refuse(
    socket: Socket,
    { refusal, address, speech }: { refusal: Refusal; address: string; speech: 'http' | 'tls' },
  ): void {
    const { metrics, accessLog } = this.#options;
    metrics.refused(refusal.reason);
    accessLog?.tell(refusedRecord(plainAddress(address), refusal, speech === 'tls'));
    socket.on('error', () => {});
    // Within TLS nobody would understand it, and a handshake is what shall be saved.
    if (speech === 'tls' || this.#refusing >= refusingMax) {
      socket.destroy();
      return;
    }
    this.#refusing += 1;
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.on('close', () => {
      clearTimeout(timer);
      this.#refusing -= 1;
    });
    // What the caller sends is read away, or the answer would be lost in a reset.
    socket.on('end', () => socket.destroy());
    socket.resume();
    socket.end(problemResponse(refusal));
  }

  #closed(address: string): void {
    this.connections -= 1;
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }
}

const tooMany: Refusal = {
  status: 503,
  reason: 'too-many-connections',
  detail: 'the gateway has as many connections as it may have; try again later',
};

const tooManyOfCaller: Refusal = {
  status: 429,
  reason: 'too-many-connections-of-caller',
  detail: 'your address has as many connections as it may have; close one first',
};
