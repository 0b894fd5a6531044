/** A process that renews one certificate as fast as it can, to be killed: `node keeper.fixture.ts STATE-FOLDER`. */
import { AuthorityFolder } from './authority-folder.ts';
import { SvidKeeper } from './svid-keeper.ts';
import { clockOfTests } from './authority.fixture.ts';

const stateFolder = process.argv[2] ?? '';
const clock = clockOfTests;
const authority = new AuthorityFolder(`${stateFolder}/ca`);
if ((await authority.read()).length === 0) {
  await authority.init({
    trustDomain: 'shop.example',
    svidLifeMs: 1000,
    given: null,
    nowMs: clock.nowMs(),
  });
}
const keeper = await SvidKeeper.open({ stateFolder, clock, log: () => {} });
await keeper.grant({ instanceId: 'cart-1', service: 'cart' });
process.stdout.write('granted\n');
let host = 0;
// Each call has another certificate made, since the hosts are others.
for (;;) await keeper.grantGateway([`host-${(host += 1)}.example`]);
