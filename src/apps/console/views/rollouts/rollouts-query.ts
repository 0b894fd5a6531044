import type { Row } from '../../parts/service-row.ts';
import { movingPhases, type Phase, unhealthyPhases } from '../../parts/phase.tsx';

export type Sort = 'health' | 'service' | 'started';

/** What the address of the table says. */
export interface RolloutsQuery {
  readonly name: string;
  /** Empty: all. */
  readonly phases: readonly Phase[];
  readonly sort: Sort;
}

const sorts: readonly Sort[] = ['health', 'service', 'started'];
const ranked: readonly Phase[] = [...unhealthyPhases, ...movingPhases, 'Stable'];

/** What it does not know it leaves out: an address may be of another version. */
export function readQuery(search: string): RolloutsQuery {
  const said = new URLSearchParams(search);
  const phases = (said.get('phase') ?? '').split(',');
  return {
    name: (said.get('name') ?? '').slice(0, 63),
    phases: ranked.filter((phase) => phases.includes(phase)),
    sort: sorts.find((sort) => sort === said.get('sort')) ?? 'health',
  };
}

/** As an address has it, and as the API takes it: without what is not said. */
export function queryText({ name, phases, sort }: RolloutsQuery): string {
  const said = new URLSearchParams();
  if (name !== '') said.set('name', name);
  if (phases.length > 0) said.set('phase', phases.join(','));
  if (sort !== 'health') said.set('sort', sort);
  return said.toString();
}

export function matches({ service, status }: Row, query: RolloutsQuery): boolean {
  if (query.phases.length > 0 && !query.phases.includes(status.phase)) return false;
  return service.includes(query.name);
}

/** As the server sorts, so that a row that has become another stands where a new page would have it. */
export function compareRows(a: Row, b: Row, sort: Sort): number {
  const byName = a.service < b.service ? -1 : a.service > b.service ? 1 : 0;
  if (sort === 'service') return byName;
  const byRank = ranked.indexOf(a.status.phase) - ranked.indexOf(b.status.phase);
  if (sort === 'health' && byRank !== 0) return byRank;
  return Date.parse(b.startedAt) - Date.parse(a.startedAt) || byName;
}
