import type { TimelineMark } from '../../../../api/timeline-wire.ts';
import type { ServerStatus, ServiceView } from '../../../../api/wire.ts';

/** One thing that bears on being ready. `not-measured`: nobody knows, which is neither good nor bad. */
export interface Finding {
  readonly what: string;
  readonly state: 'known' | 'lacking' | 'not-measured';
  /** In words, with numbers. */
  readonly found: string;
  /** RFC 3339; null: it holds now, or is not known. */
  readonly at: string | null;
  readonly command: string | null;
}

const instancesWanted = 2;

/** From what the API says of the service and the server, and from marks of its load tests and faults. */
export function findingsOf(
  { metadata: { name }, spec, status }: ServiceView,
  server: ServerStatus | null,
  marks: readonly TimelineMark[],
): readonly Finding[] {
  const ready = status.instances.filter(({ state }) => state === 'ready').length;
  const objectives = spec.objectives.join('; ');
  return [
    {
      what: 'Objectives',
      ...(objectives === ''
        ? lacking('the file declares none', `tidegate describe ${name}`)
        : known(objectives)),
    },
    {
      what: 'Instances',
      ...(ready >= instancesWanted
        ? known(`${ready} of ${status.instances.length} ready`)
        : lacking(`${ready} ready: the loss of one is an outage`, `tidegate describe ${name}`)),
    },
    {
      what: 'Way to release',
      ...known(`${spec.strategy}: ${spec.stepWeightsPercent.join(' %, ')} %`),
    },
    {
      what: 'Newest release',
      ...known(status.sentence),
      at: status.rollout?.endedAt ?? status.rollout?.startedAt ?? null,
    },
    {
      what: 'Load test',
      ...newest(marks, 'load-test', `tidegate load --service ${name} --record`),
    },
    { what: 'Fault on purpose', ...newest(marks, 'fault', `tidegate fault add ${name} --help`) },
    { what: 'Ledger', ...ledgerFinding(server) },
    {
      what: 'Backup and its restore',
      ...unknown('the server does not see backups', 'tidegate backup --help'),
    },
  ];
}

type Said = Omit<Finding, 'what'>;

function known(found: string): Said {
  return { state: 'known', found, at: null, command: null };
}

function lacking(found: string, command: string): Said {
  return { state: 'lacking', found, at: null, command };
}

function unknown(found: string, command: string): Said {
  return { state: 'not-measured', found, at: null, command };
}

function newest(marks: readonly TimelineMark[], kind: TimelineMark['kind'], command: string): Said {
  const last = marks.findLast((mark) => mark.kind === kind);
  if (last === undefined) return unknown('none in 90 days', command);
  return { ...known(last.sentence), at: last.until };
}

function ledgerFinding(server: ServerStatus | null): Said {
  if (server === null) return unknown('the server has not said', 'tidegate status');
  const { trouble, witnessMode, entries } = server.ledger;
  if (trouble !== null) return lacking(trouble, 'tidegate status');
  if (witnessMode === 'off') {
    return lacking(`${entries} entries, and nobody outside saw them`, 'tidegate witness --help');
  }
  return known(`${entries} entries; witnesses: ${witnessMode}`);
}
