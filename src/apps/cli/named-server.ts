import { readFile, stat } from 'node:fs/promises';

import { CliError } from './cli-error.ts';

export interface NamedServer {
  readonly url: string;
  readonly token: string;
}

/**
 * The server of TIDEGATE_SERVER, asked with the token in the file TIDEGATE_TOKEN_FILE; null: neither is set, so the one of the state
 * folder is meant. A file, as an environment is handed on to whatever is started, the server and its instances included.
 */
export async function namedServer(
  env: Readonly<Record<string, string | undefined>>,
): Promise<NamedServer | null> {
  const [server, file] = [env['TIDEGATE_SERVER'] ?? '', env['TIDEGATE_TOKEN_FILE'] ?? ''];
  if (server === '' && file === '') return null;
  if (server === '' || file === '') {
    throw usage('TIDEGATE_SERVER and TIDEGATE_TOKEN_FILE go together', 'set both, or neither');
  }
  return { url: urlOf(server), token: await tokenOf(file) };
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.password === '';
  if (isPlain && url.protocol === 'http:') return url.origin;
  throw usage(`TIDEGATE_SERVER ${text} is no address of a server`, 'as http://127.0.0.1:7480');
}

async function tokenOf(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw usage(`${path} has a token, and others can read it`, `chmod 600 ${path}`);
    }
    const token = (await readFile(path, 'utf8')).trim();
    if (/^[\w-]{43,200}$/.test(token)) return token;
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw usage(`cannot read the token in ${path}: ${why}`, 'check TIDEGATE_TOKEN_FILE');
  }
  throw usage(
    `${path} has no token in it`,
    'it has the one line that tidegate token create printed',
  );
}

function usage(message: string, remedy: string): CliError {
  return new CliError(message, { code: 'usage', remedy });
}
