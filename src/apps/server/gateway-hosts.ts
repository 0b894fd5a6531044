import type { ServiceState } from '../../domain/release/service-state.ts';
import type { Clock } from '../../ports/clock.ts';

const lookEveryMs = 500;

export interface GatewayHostsOptions {
  readonly identities: { readonly grantGateway: (hosts: readonly string[]) => Promise<void> };
  readonly services: () => readonly ServiceState[];
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

/** Has the gateway's certificate speak for the hosts of all services that have identities, whatever is applied. */
export async function keepGatewayHosts(
  { identities, services, clock, log }: GatewayHostsOptions,
  signal: AbortSignal,
): Promise<void> {
  let told = '';
  while (!signal.aborted) {
    const hosts = services().flatMap(({ spec, isDeleted }) => {
      const isKnown = spec?.trafficPolicy?.mtls !== undefined && !isDeleted;
      return isKnown ? [spec.host] : [];
    });
    try {
      if (hosts.length > 0) await identities.grantGateway(hosts);
      told = '';
    } catch (error) {
      const message = `the gateway gets no certificate: ${error instanceof Error ? error.message : String(error)}`;
      if (message !== told) log(message);
      told = message;
    }
    await clock.sleep(lookEveryMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
