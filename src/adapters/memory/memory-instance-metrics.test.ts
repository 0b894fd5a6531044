import { testInstanceMetrics } from '../../ports/instance-metrics.contract.ts';
import { MemoryInstanceMetrics } from './memory-instance-metrics.ts';

testInstanceMetrics('memory', async () => {
  const metrics = new MemoryInstanceMetrics();
  const endpoint = { instanceId: 'v1-0', host: '127.0.0.1', port: 1 };
  const series = (name: string) => ({ name, labels: {} });
  return {
    metrics,
    endpoint,
    pair: { kind: 'counter', bad: series('bad'), total: series('all') },
    histogram: { kind: 'histogram', histogram: series('seconds') },
    publish(published) {
      if (published === null) {
        metrics.publish('v1-0', new Map());
        return;
      }
      const { bad, total, histogram } = published;
      const buckets = [0.1, 1, Infinity].map((upperSeconds, index) => ({
        upperSeconds,
        count: histogram[index] ?? 0,
      }));
      metrics.publish(
        'v1-0',
        new Map([
          ['all', { kind: 'counter', bad, total }],
          ['seconds', { kind: 'histogram', buckets }],
        ]),
      );
    },
    gauge: series('waiting'),
    show: (value) => metrics.show('v1-0', new Map(value === null ? [] : [['waiting', value]])),
    leave: async () => metrics.publish('v1-0', null),
    [Symbol.asyncDispose]: async () => {},
  };
});
