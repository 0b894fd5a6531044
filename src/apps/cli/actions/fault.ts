import type { FaultChangeInput } from '../../../api/client/generated/schemas.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { asList, type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { print, type Session } from '../session.ts';
import { tableLines } from '../views/table.ts';

export interface FaultAddOptions {
  readonly delay?: number;
  readonly abort?: string;
  /** In [0, 1]. */
  readonly percent: number;
  readonly for: number;
  readonly revision?: string;
  readonly instance?: string;
  readonly rule?: string;
  readonly path?: string;
  readonly method?: string;
  readonly header?: readonly string[];
  readonly evidence?: boolean;
  readonly reason: string;
  readonly output?: DataFormat;
}

export interface FaultListOptions {
  readonly output?: DataFormat;
}

export async function addFault(
  session: Session,
  service: string,
  options: FaultAddOptions,
): Promise<ExitCode> {
  const body = additionOf(session, service, options);
  using client = await Client.connect(session);
  const receipt = await client.post('/v1/faults', { body, signal: session.signal });
  if (options.output !== undefined) await printData(session, receipt, options.output);
  else print(session, receiptLines(receipt));
  return exitCodes.ok;
}

export async function removeFault(
  session: Session,
  id: string,
  { reason }: { readonly reason: string },
): Promise<ExitCode> {
  using client = await Client.connect(session);
  const body: FaultChangeInput = { action: 'remove', id, who: session.who, why: reason };
  print(session, receiptLines(await client.post('/v1/faults', { body, signal: session.signal })));
  return exitCodes.ok;
}

export async function listFaults(session: Session, options: FaultListOptions): Promise<ExitCode> {
  using client = await Client.connect(session);
  const { items } = await client.get('/v1/faults', { signal: session.signal });
  if (options.output !== undefined) {
    await printData(session, asList(items), options.output);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    print(session, ['no fault is in force']);
    return exitCodes.ok;
  }
  const heads = ['FAULT', 'UNTIL', 'BY', 'WHAT', 'WHY'];
  const rows = items.map(({ id, until, by, sentence }) => [
    id,
    until,
    harmless(by.who),
    harmless(sentence),
    harmless(by.why),
  ]);
  print(session, tableLines({ heads, rows }, false));
  return exitCodes.ok;
}

function receiptLines(receipt: {
  readonly sentence: string;
  readonly entryIndex: number;
  readonly isInForce: boolean;
}): string[] {
  const { sentence, entryIndex, isInForce } = receipt;
  const late = isInForce ? [] : ['the gateway was not reached; it follows when it is'];
  return [`${harmless(sentence)} (entry ${entryIndex})`, ...late];
}

function additionOf(session: Session, service: string, options: FaultAddOptions): FaultChangeInput {
  const { delay, abort, path, method, header = [] } = options;
  if (delay === undefined && abort === undefined) {
    throw usage('a fault needs --delay, --abort, or both', 'say for example --delay 500ms');
  }
  const isAimed = options.revision !== undefined || options.instance !== undefined;
  if (options.evidence === true && !isAimed) {
    throw usage('--evidence speaks against a revision', 'name it with --revision or --instance');
  }
  const percent = Math.round(options.percent * 1000) / 10;
  if (percent <= 0) throw usage('--percent takes no request', 'give 0.1% to 100%');
  const isMatched = path !== undefined || method !== undefined || header.length > 0;
  return {
    action: 'add',
    service,
    who: session.who,
    why: options.reason,
    lastsMs: options.for,
    percent,
    delayMs: delay ?? null,
    abort: abort === undefined ? null : abortOf(abort),
    revision: options.revision ?? null,
    instance: options.instance ?? null,
    rule: options.rule ?? null,
    match: isMatched
      ? { path: path ?? null, method: method ?? null, headers: header.map(headerOf) }
      : null,
    isEvidence: options.evidence === true,
  };
}

function abortOf(text: string): number | 'reset' {
  if (text === 'reset') return text;
  const status = Number(text);
  if (/^[45]\d\d$/.test(text)) return status;
  throw usage(`cannot abort with "${text}"`, 'give a status from 400 to 599, or reset');
}

function headerOf(text: string): { name: string; value: string } {
  const at = text.indexOf('=');
  if (at > 0) return { name: text.slice(0, at), value: text.slice(at + 1) };
  throw usage(`cannot read the header "${text}"`, 'write it as name=value');
}

function usage(message: string, remedy: string): CliError {
  return new CliError(message, { code: 'usage', remedy });
}
