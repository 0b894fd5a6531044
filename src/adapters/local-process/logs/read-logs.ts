import type { Clock } from '../../../ports/clock.ts';
import type { LogLine, LogQuery } from '../../../ports/platform.ts';
import { LogCursor } from './log-cursor.ts';
import { ownerOf, type LogFile, type LogFiles } from './log-files.ts';
import { pause } from '../pause.ts';

export interface LogReading {
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly pollIntervalMs: number;
}

/**
 * Instance after instance, its standard output before its standard error: the two are files of their own and carry no
 * common time, so `tailLines` counts for each of them and their order to each other is not known.
 */
export async function* readLogs(
  reading: LogReading,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const cursors = new Map<string, LogCursor>();
  for (const file of await matchingFiles(reading.files, query)) {
    if (signal.aborted) return;
    const { cursor, lines } = await LogCursor.openAtEnd(file, query.tailLines);
    cursors.set(file.path, cursor);
    yield* asLogLines(file, lines);
  }
  while (query.follow && !signal.aborted) {
    let count = 0;
    for (const file of await matchingFiles(reading.files, query)) {
      const cursor = cursors.get(file.path) ?? LogCursor.atStart(file);
      cursors.set(file.path, cursor);
      const lines = await cursor.readNew();
      count += lines.length;
      if (signal.aborted) return;
      yield* asLogLines(file, lines);
    }
    if (count === 0) await pause(reading.clock, reading.pollIntervalMs, signal);
  }
}

async function matchingFiles(files: LogFiles, query: LogQuery): Promise<readonly LogFile[]> {
  const ids = await files.instanceIds();
  return ids
    .filter((id) => query.instanceId === null || query.instanceId === id)
    .filter((id) => query.revisionId === null || query.revisionId === ownerOf(id).revisionId)
    .filter((id) => query.service === ownerOf(id).service)
    .flatMap((id) => files.of(id));
}

function asLogLines(file: LogFile, lines: readonly string[]): readonly LogLine[] {
  return lines.map((text) => ({ instanceId: file.instanceId, stream: file.stream, text }));
}
