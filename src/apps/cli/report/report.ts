import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, say, type Session } from '../session.ts';
import { exitCriteria } from './criteria.ts';
import { commitAround } from './git-commit.ts';
import { htmlReport } from './html-report.ts';
import { markdownReport } from './markdown-report.ts';
import { readLedger, type ReadLedger, saveExport } from './read-ledger.ts';
import type { Report } from './report-model.ts';
import { type Versions, rolloutReports } from './rollout-reports.ts';

export type ReportFormat = 'json' | 'markdown' | 'html';

export interface ReportOptions {
  readonly output: ReportFormat;
  readonly save?: string;
  readonly ledger?: string;
  readonly commit?: string;
  readonly version: string;
}

/** `name`: a rollout, or a service for all of its rollouts; null: everything. */
export async function report(
  session: Session,
  name: string | null,
  options: ReportOptions,
): Promise<ExitCode> {
  const { source, versions } = await readSource(session, options);
  const all = rolloutReports(source.records, versions);
  const rollouts = all.filter(
    ({ id, service }) => name === null || id === name || service === name,
  );
  if (name !== null && rollouts.length === 0) {
    throw new CliError(`the ledger has no rollout and no service "${name}"`, {
      code: 'usage',
      remedy: 'list what there is: tidegate get rollouts',
    });
  }
  const made: Report = {
    title: name === null ? 'All rollouts' : `Rollouts: ${name}`,
    generatedAt: new Date().toISOString(),
    version: options.version,
    commit: options.commit ?? (await commitAround(session.workingFolder)),
    criteria: exitCriteria({ rollouts, ledger: source.ledger, lost: null }),
    rollouts,
    load: null,
    ledger: source.ledger,
  };
  await give(session, reportText(made, options.output), options);
  return made.criteria.every((each) => each.isMet) ? exitCodes.ok : exitCodes.error;
}

export function reportText(report: Report, format: ReportFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`;
    case 'markdown':
      return markdownReport(report);
    case 'html':
      return htmlReport(report);
  }
}

async function give(session: Session, text: string, { save }: ReportOptions): Promise<void> {
  if (save === undefined) return print(session, [text.trimEnd()]);
  const path = resolve(session.workingFolder, save);
  try {
    await writeFile(path, text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(`cannot write ${path}: ${why}`, { code: 'unreadable', cause });
  }
  say(session, `Wrote ${path}.`);
}

interface Source {
  readonly source: ReadLedger;
  readonly versions: Versions;
}

/** A file tells of revisions by id only; the server also knows what people call them. */
async function readSource(session: Session, options: ReportOptions): Promise<Source> {
  const { signal } = session;
  if (options.ledger !== undefined) {
    const path = resolve(session.workingFolder, options.ledger);
    return { source: await readLedger(path, { trustedKeyId: null, signal }), versions: new Map() };
  }
  using client = await Client.connect(session);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-report-'));
  try {
    const path = join(folder, 'ledger.jsonl');
    await saveExport(client, path, signal);
    return {
      source: await readLedger(path, { trustedKeyId: null, signal }),
      versions: await versionsOf(client, signal),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What people call each revision the server still knows. */
export async function versionsOf(client: Client, signal: AbortSignal): Promise<Versions> {
  const versions = new Map<string, string>();
  const { items } = await client.get('/v1/services', { signal });
  for (const { metadata, status } of items) {
    const { rollout, stables, stable } = status;
    for (const revision of [...stables, stable, rollout?.from, rollout?.to]) {
      if (revision?.version) versions.set(revision.id, revision.version);
    }
    const path = { name: metadata.name };
    const history = await client.get('/v1/services/{name}/rollouts', { path, signal });
    for (const { toRevisionId, toVersion } of history.items) {
      if (toVersion !== null) versions.set(toRevisionId, toVersion);
    }
  }
  return versions;
}
