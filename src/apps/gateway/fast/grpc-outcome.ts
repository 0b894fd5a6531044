import { httpStatusOfGrpc, isGrpcType } from '../../../domain/traffic/samples/grpc-status.ts';
import type { Head, ResponseHead } from '../http1/head.ts';
import { known } from '../http1/known-headers.ts';

const grpcStatus = Buffer.from('grpc-status', 'latin1');
const grpcPrefix = Buffer.from('application/grpc', 'latin1');

/** Whether an answer tells by `grpc-status` how its call went. Another status than 200 says it itself. */
export function isGrpcAnswer(head: ResponseHead): boolean {
  const index = head.indexOf(known.contentType);
  if (index < 0 || head.status !== 200) return false;
  // Nearly all answers are none, and are told apart without a string.
  const start = head.spans[4 * index + 2] ?? 0;
  const end = Math.min(head.spans[4 * index + 3] ?? 0, start + grpcPrefix.length);
  for (let at = 0; at < grpcPrefix.length; at += 1) {
    if (start + at >= end || head.bytes[start + at] !== grpcPrefix[at]) return false;
  }
  return isGrpcType(head.value(index));
}

/** `head` is the answer's own, for an answer that is all head, or its trailers. */
export function grpcOutcome(head: Head): number {
  const index = head.find(grpcStatus);
  return httpStatusOfGrpc(index < 0 ? null : head.value(index));
}
