import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, type Session } from '../session.ts';
import { shortJson } from '../views/flag-rows.ts';
import { tableLines } from '../views/table.ts';

export interface FlagEvaluateOptions {
  readonly targetingKey?: string;
  /** `NAME=VALUE` each. */
  readonly attribute?: readonly string[];
  /** JSON. */
  readonly context?: string;
  readonly output?: DataFormat;
}

/** What the instances of each revision would be told of one flag, or of all. */
export async function evaluateFlags(
  session: Session,
  wanted: { readonly service: string; readonly key: string | undefined },
  options: FlagEvaluateOptions,
): Promise<ExitCode> {
  const { service, key } = wanted;
  const body = { context: contextOf(options), ...(key === undefined ? {} : { key }) };
  using client = await Client.connect(session);
  const { items } = await client.post('/v1/services/{name}/flags/evaluate', {
    path: { name: service },
    body,
    signal: session.signal,
  });
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    session.stderr.write('No flag found.\n');
    return exitCodes.ok;
  }
  const heads = ['FLAG', 'ROLE', 'REVISION', 'VARIANT', 'VALUE', 'REASON'];
  const rows = items.map((item) => [
    harmless(item.key),
    item.role,
    item.revisionId,
    item.variant === null ? '-' : harmless(item.variant),
    item.variant === null ? '-' : shortJson(item.value),
    [item.errorCode ?? item.reason, harmless(item.details)].filter(Boolean).join(', '),
  ]);
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

function contextOf({
  targetingKey,
  attribute = [],
  context,
}: FlagEvaluateOptions): Readonly<Record<string, unknown>> {
  const own = Object.fromEntries(attribute.map(attributeOf));
  return {
    ...(context === undefined ? {} : objectOf(context)),
    ...own,
    ...(targetingKey === undefined ? {} : { targetingKey }),
  };
}

/** A number, true or false is one, as in a release file; quotes make it a text. */
function attributeOf(written: string): readonly [string, string | number | boolean] {
  const at = written.indexOf('=');
  if (at < 1) throw usage(`--attribute ${written} is no NAME=VALUE`, 'say for example country=de');
  const name = written.slice(0, at);
  const text = written.slice(at + 1);
  if (text === 'true' || text === 'false') return [name, text === 'true'];
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return [name, Number(text)];
  return [name, /^".*"$/.test(text) ? text.slice(1, -1) : text];
}

function objectOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw usage('--context is no JSON object', `say for example '{"targetingKey":"u1"}'`);
}

function usage(message: string, remedy: string): CliError {
  return new CliError(message, { code: 'usage', remedy });
}
