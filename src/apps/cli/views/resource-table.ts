import type { LedgerEvent, Instance, Service } from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, paint } from '../look.ts';
import type { RolloutRow } from './rollout-row.ts';
import { ageText, bytesText, countText, paintPhase, percentText, versionText } from './words.ts';

/** How one kind of thing becomes a row of `get`. */
export interface Columns<T> {
  readonly kind: string;
  readonly heads: readonly string[];
  /** Added by `-o wide`. */
  readonly wideHeads: readonly string[];
  readonly nameOf: (item: T) => string;
  readonly cells: (item: T, place: TablePlace) => string[];
  readonly wideCells: (item: T) => string[];
}

export interface TablePlace {
  readonly look: Look;
  readonly nowMs: number;
}

export const serviceColumns: Columns<Service> = {
  kind: 'service',
  heads: ['NAME', 'PHASE', 'STABLE', 'CANDIDATE', 'SHARE', 'READY'],
  wideHeads: ['HOST', 'NEEDS', 'STATUS'],
  nameOf: (service) => service.metadata.name,
  cells: ({ metadata, status }, { look }) => {
    const rollout = status.rollout?.endedAt === null ? status.rollout : null;
    const ready = status.instances.filter((instance) => instance.state === 'ready').length;
    return [
      metadata.name,
      paintPhase(look, status.phase),
      versionText(status.stable),
      versionText(rollout?.to ?? null),
      rollout === null ? '-' : percentText(rollout.wantedSharePercent),
      `${ready}/${status.instances.length}`,
    ];
  },
  wideCells: ({ spec, status }) => [
    spec.host,
    spec.dependsOn.join(',') || '-',
    harmless(status.sentence),
  ],
};

export const rolloutColumns: Columns<RolloutRow> = {
  kind: 'rollout',
  heads: ['NAME', 'SERVICE', 'KIND', 'FROM', 'TO', 'PHASE', 'AGE'],
  wideHeads: ['BY', 'CANDIDATE REQUESTS', 'FAILED', 'STATUS'],
  nameOf: (row) => row.id,
  cells: (row, { look, nowMs }) => [
    row.id,
    row.service,
    row.kind,
    row.fromRevisionId ?? '-',
    row.toRevisionId,
    paintPhase(look, serviceLikePhase(row), row.phase),
    ageText(row.startedAt, nowMs),
  ],
  wideCells: (row) => [
    row.startedBy.who,
    countText(row.totals.candidate.requests),
    countText(row.totals.candidate.failures),
    harmless(row.sentence),
  ],
};

export const instanceColumns: Columns<Instance> = {
  kind: 'instance',
  heads: ['NAME', 'SERVICE', 'REVISION', 'STATE', 'PORT', 'RESTARTS', 'AGE'],
  wideHeads: ['PID', 'CPU', 'MEMORY', 'REASON'],
  nameOf: (instance) => instance.id,
  cells: (instance, { nowMs }) => [
    instance.id,
    instance.service,
    instance.revisionId,
    instance.state,
    `${instance.port ?? '-'}`,
    `${instance.restarts}`,
    instance.startedAt === null ? '-' : ageText(instance.startedAt, nowMs),
  ],
  wideCells: (instance) => [
    `${instance.pid ?? '-'}`,
    `${instance.cpuSeconds.toFixed(1)}s`,
    bytesText(instance.rssBytes),
    instance.reason === null ? '-' : harmless(instance.reason),
  ],
};

export const eventColumns: Columns<LedgerEvent> = {
  kind: 'event',
  heads: ['INDEX', 'AGE', 'TYPE', 'SERVICE', 'WHAT'],
  wideHeads: ['BY', 'ROLLOUT'],
  nameOf: (event) => `${event.index}`,
  cells: (event, { look, nowMs }) => [
    `${event.index}`,
    ageText(event.at, nowMs),
    event.type,
    event.service ?? '-',
    event.severity === 'warning'
      ? paint(look, 'yellow', harmless(event.sentence))
      : harmless(event.sentence),
  ],
  wideCells: (event) => [event.by?.who ?? '-', event.rolloutId ?? '-'],
};

function serviceLikePhase(row: RolloutRow): Service['status']['phase'] {
  if (row.phase === 'promoted') return 'Stable';
  if (row.phase === 'rolled-back' || row.phase === 'reverting') return 'RolledBack';
  if (row.phase === 'parked' && !row.isWaitingForPerson) return 'Parked';
  return row.isWaitingForPerson ? 'Waiting' : 'Progressing';
}
