import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import {
  auditColumns,
  type AuditQuery,
  type AuditRow,
  AuditTrail,
  csvLine,
} from '../../../domain/evidence/audit-trail.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { verifiedEntries } from '../ledger/ledger-source.ts';
import { harmless } from '../look.ts';
import { saveExport } from '../report/read-ledger.ts';
import { say, type Session } from '../session.ts';

export interface AuditOptions {
  readonly person?: string;
  readonly service?: string;
  readonly since?: number;
  readonly until?: number;
  /** An exported ledger; absent: the server's. */
  readonly ledger?: string;
  /** Id of the key that must have signed it. */
  readonly key?: string;
  readonly output?: 'csv' | 'json' | 'table';
}

/** Who did what, when and why: from a ledger that is verified first, entry by entry, in memory that does not grow with it. */
export async function audit(session: Session, options: AuditOptions): Promise<ExitCode> {
  if (options.ledger !== undefined) {
    return auditFile(session, resolve(session.workingFolder, options.ledger), options);
  }
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-audit-'));
  try {
    const path = join(folder, 'ledger.jsonl');
    using client = await Client.connect(session);
    await saveExport(client, path, session.signal);
    return await auditFile(session, path, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function auditFile(session: Session, path: string, options: AuditOptions): Promise<ExitCode> {
  const query: AuditQuery = {
    person: options.person ?? null,
    service: options.service ?? null,
    sinceMs: options.since ?? null,
    untilMs: options.until ?? null,
  };
  const trail = new AuditTrail(query, (atMs) => new Date(atMs).toISOString());
  const form = forms[options.output ?? 'table'];
  let count = 0;
  const entries = await verifiedEntries(path, options.key ?? null, session.signal);
  await write(session, form.begin);
  for await (const entry of entries) {
    const row = trail.row(entry);
    if (row === null) continue;
    await write(session, form.row(row, count === 0));
    count += 1;
  }
  await write(session, form.end);
  if (count === 0) say(session, 'No entry is what was asked for.');
  return exitCodes.ok;
}

interface Form {
  readonly begin: string;
  readonly row: (row: AuditRow, isFirst: boolean) => string;
  readonly end: string;
}

const forms: Readonly<Record<'csv' | 'json' | 'table', Form>> = {
  csv: {
    begin: csvLine(auditColumns),
    row: (row) => csvLine(auditColumns.map((column) => row[column])),
    end: '',
  },
  json: {
    begin: '[',
    row: (row, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify(row)}`,
    end: '\n]\n',
  },
  table: {
    begin: '',
    row: ({ index, at, service, person, action, sentence, reason }) => {
      const who = person === '' ? 'tidegate' : person;
      const why = reason === '' ? '' : ` ("${reason}")`;
      const cells = [`${index}`, at, service || '-', who, action || '-', `${sentence}${why}`];
      return `${cells.map(harmless).join('  ')}\n`;
    },
    end: '',
  },
};

/** Waits while whoever reads is slower. */
async function write({ stdout, signal }: Session, text: string): Promise<void> {
  if (text !== '' && !stdout.write(text)) await once(stdout, 'drain', { signal });
}
