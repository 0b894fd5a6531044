import { request } from 'node:https';
import type { PeerCertificate } from 'node:tls';
import type { ProbeResult } from '../../../domain/health/probe.ts';
import { soleUriOf } from '../../../domain/identity/sole-uri.ts';
import type { WorkloadIdentities } from '../../../ports/workload-identities.ts';
import { type ProbeTarget, probeBy } from './probe.ts';

/** As `probe`, over mutual TLS: with the server's certificate, and to nobody but an instance of the service. */
export async function probeHttps(
  target: ProbeTarget & { readonly service: string },
  identities: WorkloadIdentities,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const wanted = identities.idOf(target.service);
  const { certificatePem: cert, keyPem: key, bundlePem: ca } = await identities.ownCredentials();
  const checkServerIdentity = (_name: string, shown: PeerCertificate): Error | undefined => {
    const isWanted = soleUriOf(shown.subjectaltname ?? '') === wanted;
    return isWanted ? undefined : new Error(`its certificate is not of ${wanted}`);
  };
  const tls = { cert, key, ca, checkServerIdentity };
  return probeBy((options, onAnswer) => request({ ...options, ...tls }, onAnswer), target, signal);
}
