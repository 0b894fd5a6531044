import { testGateway } from './gateway-contract.fixture.ts';
import { engines } from './gateway-fixture.ts';

for (const engine of engines) testGateway(engine, 1);
