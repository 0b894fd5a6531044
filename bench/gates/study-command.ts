import { parseArgs } from 'node:util';
import { tableText } from '../form.ts';
import { RecordError } from './record.ts';
import { runStudy } from './run-study.ts';
import { studyTables } from './study-tables.ts';

const usage =
  'usage: node bench/gates/main.ts [--table NAME] [--releases N] [--tick MS] [--workers N] [--save FILE] [--record FOLDER] [--fresh] [--recorded] [--quick]';
const names = studyTables.map((table) => table.name);

/**
 * The study by parts. Progress goes to standard error, tables and, as the last line, JSON to standard output.
 * Healthy releases are kept in a record (record.ts) and not judged twice; `--recorded` prints what it holds, `--fresh` begins a
 * new one. `--save FILE` keeps all that is finished. Either way the same command goes on where it was stopped. Gives the exit code.
 */
export async function runCommand(): Promise<number> {
  const options = readArguments();
  if (options === null) {
    process.stdout.write(`${usage}\ntables: ${names.join(', ')}\n`);
    return 0;
  }
  if (typeof options === 'string') {
    process.stderr.write(`error: ${options}\n${usage}\ntables: ${names.join(', ')}\n`);
    return 2;
  }
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('received SIGINT')));
  const startedMs = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(7);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
  const report = await runStudy({ ...options, say, signal: stop.signal }).catch(
    (error: unknown) => {
      if (!stop.signal.aborted) return refused(error);
      say('stopped: what was judged is kept, and the same command goes on from it');
      return null;
    },
  );
  if (report === null) return stop.signal.aborted ? 130 : 2;
  const { tables, notes, result } = report;
  const tookMs = Math.round(performance.now() - startedMs);
  const lines = [...tables.flatMap((table) => [tableText(table), '']), ...notes, ''];
  process.stdout.write(`${lines.join('\n')}\n${JSON.stringify({ tookMs, ...result })}\n`);
  return 0;
}

/** A record that can't be gone on with is no defect of the study. */
function refused(error: unknown): null {
  if (!(error instanceof RecordError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  return null;
}

/** Null: the usage was asked for. A text: what is wrong. */
function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        table: { type: 'string' },
        releases: { type: 'string' },
        tick: { type: 'string', default: '100' },
        workers: { type: 'string', default: '2' },
        save: { type: 'string' },
        record: { type: 'string' },
        fresh: { type: 'boolean', default: false },
        recorded: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return null;
    const { table = null, save = null, quick } = values;
    const tickMs = Number(values.tick);
    const workers = Number(values.workers);
    const releases = values.releases === undefined ? null : Number(values.releases);
    if (table !== null && !names.includes(table)) return `there is no table ${table}`;
    // The rules' looks stand at multiples of 200 ms, and must be ends of ticks.
    if (![10, 20, 50, 100, 200].includes(tickMs)) {
      return `--tick ${values.tick} must be 10, 20, 50, 100 or 200`;
    }
    if (!isCount(workers) || workers > 64) return `--workers ${values.workers} must be 1 to 64`;
    if (releases !== null && !isCount(releases)) {
      return `--releases ${values.releases} must be a whole number above 0`;
    }
    const { fresh: isFresh, recorded: isRecorded } = values;
    const records = values.record === undefined ? {} : { recordFolder: values.record };
    const kept = { savePath: save, ...records, isFresh, isRecorded };
    return { table, releases, tickMs, workers, ...kept, isQuick: quick };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
