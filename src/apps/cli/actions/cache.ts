import type { CachePurgeInput } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, type Session } from '../session.ts';

export interface CachePurgeOptions {
  readonly tag?: string;
  readonly path?: string;
  readonly all?: boolean;
  readonly reason: string;
  readonly output?: DataFormat;
}

export async function purgeCache(
  session: Session,
  service: string,
  options: CachePurgeOptions,
): Promise<ExitCode> {
  const what = whatOf(options);
  using client = await Client.connect(session);
  const body: CachePurgeInput = { service, what, who: session.who, why: options.reason };
  const receipt = await client.post('/v1/cache-purges', { body, signal: session.signal });
  if (options.output !== undefined) {
    await printData(session, receipt, options.output);
    return exitCodes.ok;
  }
  const late = receipt.isInForce ? [] : ['the gateway was not reached; it follows when it is'];
  print(session, [`${harmless(receipt.sentence)} (entry ${receipt.entryIndex})`, ...late]);
  return exitCodes.ok;
}

function whatOf({ tag, path, all = false }: CachePurgeOptions): CachePurgeInput['what'] {
  const given = [tag !== undefined, path !== undefined, all].filter(Boolean).length;
  if (given !== 1) {
    throw new CliError('a purge needs exactly one of --tag, --path and --all', {
      code: 'usage',
      remedy: 'say for example --tag product-7',
    });
  }
  if (tag !== undefined) return { kind: 'tag', tag };
  return path === undefined ? { kind: 'all' } : { kind: 'path', path };
}
