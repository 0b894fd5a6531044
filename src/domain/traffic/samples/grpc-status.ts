/**
 * Whose fault it is that a call of gRPC did not end well. HTTP says 200 to all of them, so without this a candidate that
 * fails every call would pass for healthy.
 *
 * The server's are those that OpenTelemetry's semantic conventions for gRPC take for errors of a server span: UNKNOWN (2),
 * DEADLINE_EXCEEDED (4), UNIMPLEMENTED (12), INTERNAL (13), UNAVAILABLE (14), DATA_LOSS (15). A call without a status that is a
 * number from 0 to 16 has broken off: clients take it for UNKNOWN ("gRPC over HTTP/2", Responses).
 */
const serverFaults: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** The HTTP status that says the same to whoever counts by class: 200, 400 or 500. */
export function httpStatusOfGrpc(grpcStatus: string | null): 200 | 400 | 500 {
  if (grpcStatus === null || !/^(?:\d|1[0-6])$/.test(grpcStatus)) return 500;
  const code = Number(grpcStatus);
  if (code === 0) return 200;
  return serverFaults.has(code) ? 500 : 400;
}

/** `application/grpc`, with or without its message format (gRPC over HTTP/2, Requests); not grpc-web, which has no trailers. */
export function isGrpcType(contentType: string): boolean {
  return /^application\/grpc(?:$|[+;\s])/i.test(contentType);
}
