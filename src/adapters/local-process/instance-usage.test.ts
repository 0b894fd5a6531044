import { setTimeout as delay } from 'node:timers/promises';
import { testUsageSource } from '../../ports/usage-source.contract.ts';
import { never, Place, until } from './local-process.fixture.ts';

testUsageSource('local processes', async () => {
  const place = await Place.make();
  const platform = await place.open();
  const slow = { readyPath: '/readyz', livePath: null, stopGraceMs: 5_000, startTimeoutMs: 60_000 };
  const start = async (mode: string): Promise<string> => {
    const revision = place.revision(mode, { health: slow });
    await platform.ensure(revision, 1, never);
    const seen = await until(
      () => platform.observe(never),
      (all) => all.some((each) => each.revisionId === revision.id && each.state === 'ready'),
      60_000,
    );
    return seen.find((each) => each.revisionId === revision.id)?.id ?? '';
  };
  return {
    usage: platform,
    startBusy: () => start('busy-child'),
    startIdle: () => start('healthy'),
    stop: async (id) => {
      const found = (await platform.observe(never)).find((each) => each.id === id);
      await platform.stop(place.revision('', { id: found?.revisionId ?? '' }), never);
    },
    pass: () => delay(50),
    [Symbol.asyncDispose]: async () => {
      await platform[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
});
