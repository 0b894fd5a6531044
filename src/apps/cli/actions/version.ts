import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, type Session } from '../session.ts';

export async function version(
  session: Session,
  own: string,
  options: { readonly output?: DataFormat },
): Promise<ExitCode> {
  const server = await serverVersion(session);
  if (options.output === undefined) {
    print(session, [
      `tidegate ${own} (Node ${process.versions.node})`,
      `server ${server ?? 'does not run'}`,
    ]);
  } else {
    await printData(session, { client: own, node: process.versions.node, server }, options.output);
  }
  return exitCodes.ok;
}

async function serverVersion(session: Session): Promise<string | null> {
  try {
    using client = await Client.connect(session);
    return (await client.get('/v1/status', { signal: session.signal })).version;
  } catch (error) {
    // That no server runs is an answer here, not a failure.
    if (error instanceof CliError && error.retryable) return null;
    throw error;
  }
}
