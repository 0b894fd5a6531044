import { parseArgs } from 'node:util';

export const usage = `usage: tidegate-verify <export> --policy FILE [--lenient] [--workers N] [--output json]
       tidegate-verify <file.tlog-proof> --entry FILE --policy FILE [--lenient] [--output json]

Checks an exported ledger, or the proof of one entry, from files alone: no server, no network, no clock.

  <export>         folder that tidegate ledger export wrote (c2sp.org/tlog-tiles), or a backup; blobs in it are
                   compared with their digests
  --policy FILE    whom you trust (c2sp.org/tlog-policy): the log's keys, witnesses, quorum; a line
                   "#tidegate require-blobs" refuses an export without a blob that its entries say is kept
  --entry FILE     with a proof: the entry's bytes
  --lenient        one of the log's keys is enough, and signatures of strangers are passed over
  --workers N      processor cores to use, 1-64 (default: all)
  --output json    the result as JSON on standard output

Exit codes: 0 valid, 1 not valid, or evidence that a rollout's plan owes is missing, 2 nothing could be checked (wrong usage, unreadable file).`;

export interface Arguments {
  readonly path: string;
  readonly policyPath: string;
  readonly entryPath: string | null;
  readonly isLenient: boolean;
  readonly workers: number | null;
  readonly isJson: boolean;
}

/** What was given can't be used; the message says what to do. */
export class UnusableInput extends Error {
  override readonly name = 'UnusableInput';
}

/** Null: only help was asked for. Throws an UnusableInput. */
export function readArguments(argv: readonly string[]): Arguments | null {
  const { values, positionals } = parsed(argv);
  if (values.help === true) return null;
  const [path, more] = positionals;
  if (path === undefined || more !== undefined) {
    throw new UnusableInput('name one folder of an export, or one .tlog-proof file');
  }
  if (values.policy === undefined) {
    throw new UnusableInput(
      'say whom you trust with --policy FILE; tidegate ledger keys prints the log’s lines',
    );
  }
  if (values.output !== undefined && values.output !== 'json') {
    throw new UnusableInput(`--output ${values.output}: only json is known`);
  }
  return {
    path,
    policyPath: values.policy,
    entryPath: values.entry ?? null,
    isLenient: values.lenient === true,
    workers: workersOf(values.workers),
    isJson: values.output === 'json',
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        policy: { type: 'string' },
        entry: { type: 'string' },
        lenient: { type: 'boolean' },
        workers: { type: 'string' },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UnusableInput(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function workersOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const workers = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (workers < 1 || workers > 64) throw new UnusableInput(`--workers ${text}: must be 1-64`);
  return workers;
}
