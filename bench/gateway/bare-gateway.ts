import { parseArgs } from 'node:util';
import { FastEngine } from '../../src/apps/gateway/fast/fast-engine.ts';
import { Gateway } from '../../src/apps/gateway/gateway.ts';

/** The gateway without its second parser, which no user can switch off: `--state DIR --listen HOST:PORT`. */
const { values } = parseArgs({
  options: { state: { type: 'string' }, listen: { type: 'string' } },
});
const [host = '', port = ''] = (values.listen ?? '').split(':');
const gateway = new Gateway({
  stateFolder: values.state ?? '',
  host,
  port: Number(port),
  controlSocket: null,
  log: () => {},
  engine: (routes) => new FastEngine(routes, {}),
});
const started = await gateway.start();
if ('kind' in started) throw new Error(started.message);
