import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpStatusOfGrpc, isGrpcType } from './grpc-status.ts';

test('what a server does wrong counts as a failure, what a caller does wrong does not', () => {
  const names =
    'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED ' +
    'RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED';
  const failures = names.split(' ').filter((_, code) => httpStatusOfGrpc(String(code)) === 500);
  const wanted = 'UNKNOWN DEADLINE_EXCEEDED UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS';
  assert.deepEqual(failures, wanted.split(' '));
  assert.equal(httpStatusOfGrpc('0'), 200);
  assert.equal(httpStatusOfGrpc('3'), 400);
});

test('a call without a status has failed', () => {
  for (const status of [null, '', '-1', '17', '00', '0, 0', 'OK']) {
    assert.equal(httpStatusOfGrpc(status), 500, String(status));
  }
});

test('calls of gRPC are known by their content type', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'Application/gRPC;x=y']) {
    assert.ok(isGrpcType(type), type);
  }
  for (const type of ['', 'application/grpc-web', 'application/grpcx', 'text/grpc']) {
    assert.ok(!isGrpcType(type), type);
  }
});
