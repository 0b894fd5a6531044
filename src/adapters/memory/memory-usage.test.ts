import { testUsageSource } from '../../ports/usage-source.contract.ts';
import { MemoryUsage } from './memory-usage.ts';

testUsageSource('memory', async () => {
  let nowMs = 1_000;
  let count = 0;
  const usage = new MemoryUsage({ nowMs: () => nowMs, sleep: () => Promise.resolve() });
  const start = async (cores: number): Promise<string> => {
    count += 1;
    const id = `web-1-${count}`;
    usage.script(id, { cores, memoryBytes: 1e6 });
    return id;
  };
  return {
    usage,
    startBusy: () => start(1),
    startIdle: () => start(0),
    stop: async (id) => usage.script(id, null),
    pass: async () => {
      nowMs += 100;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
