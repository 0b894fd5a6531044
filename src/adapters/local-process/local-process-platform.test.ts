import { setTimeout as delay } from 'node:timers/promises';
import { platformContract } from '../../ports/platform.contract.ts';
import { Place } from './local-process.fixture.ts';

platformContract('LocalProcessPlatform', async () => {
  const place = await Place.make();
  return {
    open: () => place.open(),
    revision: (behaviour) => place.revision(behaviour),
    pass: async (durationMs) => {
      await delay(durationMs);
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
});
