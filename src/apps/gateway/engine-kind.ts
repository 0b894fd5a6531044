import { AccessLog, type AccessLogOptions } from './access-log/access-log.ts';
import type { CallerLimits } from './caller-limits.ts';
import { FastEngine } from './fast/fast-engine.ts';
import type { Engine } from './compat/http-engine.ts';
import { GatewayIdentity } from './identity/gateway-identity.ts';
import { LlhttpError } from './http1/llhttp.ts';
import { SecondOpinion } from './http1/second-opinion.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';
import type { LiveRoutes } from './live-routes.ts';
import type { Certificates } from './tls/certificates.ts';
import { listeningOf, TlsError, type TlsOptions } from './tls/tls-flags.ts';
import { SpanRecorder } from './tracing/span-recorder.ts';

/** `fast`: bare sockets; `compat`: node:http and undici, for when something is wrong with the other. */
export type EngineKind = 'fast' | 'compat';

const usualKind: EngineKind = 'fast';

/** Null: there is no engine of that name. */
export function engineKindOf(name: string | undefined): EngineKind | null {
  if (name === undefined) return usualKind;
  return name === 'fast' || name === 'compat' ? name : null;
}

export interface EngineOptions {
  readonly kind: EngineKind;
  /** Where spans of all requests go (OTLP over HTTP); null: nowhere. Only the fast engine makes any. */
  readonly otlpUrl: string | null;
  /** Only the fast engine has TLS and HTTP/2. */
  readonly listening: TlsOptions;
  /** Absent: there is none. */
  readonly accessLog?: AccessLogOptions | null;
  readonly callerLimits: CallerLimits;
  /** Where the server renews the gateway's certificate; it may not be there. */
  readonly identityFolder: string;
}

export type MakeEngine = (routes: LiveRoutes, metrics: GatewayMetrics) => Engine;

/**
 * Rejects with the system's error when the access log cannot be opened.
 *
 * Only the engine that is wanted is loaded, since undici alone is a third of a gateway's memory. The fast engine does not
 * go without its second parser; where that is missing the other one serves.
 */
export async function loadEngine(
  options: EngineOptions,
  log: (message: string) => void,
): Promise<MakeEngine> {
  const { kind, otlpUrl, listening, callerLimits, accessLog: wanted = null } = options;
  const identity = await GatewayIdentity.open(options.identityFolder, log);
  const accessLog = wanted === null ? null : await AccessLog.open(wanted, log);
  if (kind === 'fast') {
    try {
      const opinion = new SecondOpinion();
      const spans = otlpUrl === null ? null : new SpanRecorder(otlpUrl, log);
      const shared = { opinion, spans, accessLog, callerLimits, identity, log };
      const taken = await listeningOf(listening, log);
      if (taken.tls !== null) reloadOnHangUp(taken.tls.certificates, log);
      return (routes, metrics) => new FastEngine(routes, { ...shared, metrics }, taken);
    } catch (error) {
      if (!(error instanceof LlhttpError)) throw error;
      log(`serving with the engine compat: ${error.message}`);
    }
  }
  if (listening.tls !== null || listening.isH2cTaken) {
    throw new TlsError('the engine compat has neither TLS nor HTTP/2: use --engine fast');
  }
  const { HttpEngine } = await import('./compat/http-engine.ts');
  return (routes, metrics) =>
    new HttpEngine(routes, { metrics, accessLog, callerLimits, identity, log });
}

function reloadOnHangUp(certificates: Certificates, log: (message: string) => void): void {
  process.on('SIGHUP', () => {
    log('reading the certificates again');
    void certificates.reload();
  });
}
