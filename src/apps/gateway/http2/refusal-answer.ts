import { problemBody, reasonHeader } from '../problem.ts';
import { type Refusal, refusalFields } from '../refusal.ts';

/** What the gateway answers by itself over HTTP/2: fields in turn, and a body. */
export interface RefusalAnswer {
  readonly fields: readonly string[];
  /** Null: the fields are all of it. */
  readonly body: string | null;
}

export function refusalAnswer(
  refusal: Refusal,
  { isGrpc, isHead }: { readonly isGrpc: boolean; readonly isHead: boolean },
): RefusalAnswer {
  const reason = [reasonHeader, refusal.reason];
  if (isGrpc) {
    // "Trailers-Only" of gRPC over HTTP/2: the status is in the only HEADERS frame, and HTTP's is 200.
    const status = ['grpc-status', String(grpcStatusOf(refusal))];
    const message = ['grpc-message', percentEncoded(refusal.detail)];
    const fields = [':status', '200', 'content-type', 'application/grpc', ...status, ...message];
    return { fields: [...fields, ...reason], body: null };
  }
  const body = problemBody(refusal);
  const length = ['content-length', String(Buffer.byteLength(body))];
  const type = ['content-type', 'application/problem+json'];
  const own = refusalFields(refusal).flat();
  const fields = [':status', String(refusal.status), ...type, ...length, ...own, ...reason];
  return { fields, body: isHead ? null : body };
}

/**
 * As clients of gRPC take an HTTP status that came without grpc-status (doc/http-grpc-status-mapping.md of grpc/grpc); but
 * a deadline of the gateway is DEADLINE_EXCEEDED, which is what it is.
 */
function grpcStatusOf({ status, reason }: Refusal): number {
  if (reason === 'timeout') return 4;
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** gRPC over HTTP/2, "Status-Message": octets of UTF-8; printable ASCII but `%` stands for itself. */
function percentEncoded(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (octet) =>
    octet >= 0x20 && octet <= 0x7e && octet !== 0x25
      ? String.fromCharCode(octet)
      : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}
