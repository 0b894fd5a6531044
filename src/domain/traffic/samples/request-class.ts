import type { StratumMatch } from '../../release/revision.ts';
import type { RequestHeaders } from '../routing/request-match.ts';

/**
 * How a request is counted, decided from its head before anything is known of its outcome.
 */

/** Has what no stratum fits. */
export const otherStratum = 'other';

/** Index of the first stratum that fits; the number of strata: none does. */
export function stratumIndex(
  strata: readonly StratumMatch[],
  path: string,
  { method, headers }: { readonly method?: string | undefined; readonly headers: RequestHeaders },
): number {
  for (let index = 0; index < strata.length; index += 1) {
    const stratum = strata[index];
    if (stratum === undefined) continue;
    if (stratum.method !== null && stratum.method !== method) continue;
    if (stratum.path !== null && !isBelow(stratum.path, path)) continue;
    if (stratum.header !== null && !hasValue(headers[stratum.header.name], stratum.header.value)) {
      continue;
    }
    return index;
  }
  return strata.length;
}

/**
 * Whether a request says that it is not the first attempt:
 *
 * - `x-envoy-attempt-count`, from 1 on: Envoy and Istio's sidecars, "Router" in Envoy's documentation of its HTTP filters,
 *   set by `include_request_attempt_count` of a virtual host.
 * - `grpc-previous-rpc-attempts`, how many there were before: gRFC A6, "Client Retries".
 *
 * A value that is no number says nothing. Attempts that the gateway itself makes again belong to the same class; they don't
 * pass here (Forward, F5).
 */
export function isRetry(headers: RequestHeaders): boolean {
  const attempt = headers['x-envoy-attempt-count'];
  if (attempt !== undefined && numberIn(attempt) > 1) return true;
  const previous = headers['grpc-previous-rpc-attempts'];
  return previous !== undefined && numberIn(previous) > 0;
}

/** The query is not the path's; `/a/` asks for something below `/a`. */
function isBelow(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  if (path.length === prefix.length || prefix.endsWith('/')) return true;
  const next = path.charCodeAt(prefix.length);
  return next === slash || next === questionMark;
}

const slash = 0x2f;
const questionMark = 0x3f;

function hasValue(found: RequestHeaders[string], wanted: string): boolean {
  if (found === undefined) return false;
  return typeof found === 'string' ? found === wanted : found.includes(wanted);
}

function numberIn(value: string | readonly string[]): number {
  return Number.parseInt(typeof value === 'string' ? value : (value[0] ?? ''), 10);
}
