import { testGateway } from '../gateway-contract.fixture.ts';

testGateway('fast', 2);
