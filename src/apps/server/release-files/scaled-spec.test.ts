import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import { usualHorizontalScaling } from '../../../domain/scaling/horizontal.ts';
import { serviceSpecOf } from './service-spec.ts';

function revisionOf(spec: string) {
  const head = 'apiVersion: tidegate.dev/v1\nkind: Service\nmetadata: { name: web }\n';
  const text = `${head}spec: { run: { command: [node], ${spec} }\n`;
  const { services, problems } = parseReleaseFiles([{ path: '/srv/f.yaml', text }]);
  assert.deepEqual(problems, []);
  const [service] = services;
  assert.ok(service);
  return serviceSpecOf(service).revision;
}

test('what a file leaves out is what the arithmetic calls usual', () => {
  const revision = revisionOf('resources: { requests: { memory: 1Gi } } }, scale: { max: 10 }');
  assert.deepEqual(revision.scale, usualHorizontalScaling);
  assert.equal(revision.instances, 3);
  assert.deepEqual(revision.requests, { memoryBytes: 2 ** 30 });
});

test('bounds and targets are part of the revision, and a fixed number adds nothing to it', () => {
  const fixed = revisionOf('}, scale: { min: 3 }');
  assert.equal('scale' in fixed || 'requests' in fixed, false);
  const ids = [
    fixed,
    revisionOf('}, scale: { min: 3, max: 10 }'),
    revisionOf('}, scale: { min: 3, max: 11 }'),
    revisionOf('}, scale: { min: 3, max: 10, on: { cpu: 60% } }'),
  ].map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});
