import type { Statement } from '../../src/domain/evidence/statement.ts';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';

/**
 * What could be seen from outside, in the order in which it happened: the only thing the oracle knows of a world, besides
 * its scenario and how it looked in the end.
 */
export type Happening = { readonly atMs: number } & (
  | {
      readonly kind: 'entry';
      readonly index: number;
      readonly statement: Statement;
      /** Instances that are ready and not asked to stop at that moment, by revision; only in entries that roll instances. */
      readonly ready?: ReadonlyMap<string, number>;
    }
  | {
      readonly kind: 'in-force';
      readonly table: RouteTable;
      /** Happenings before the process began to make this table. */
      readonly builtAfter: number;
    }
  /** `present`: how many of the revision are not asked to stop, this one among them. */
  | { readonly kind: 'started'; readonly revisionId: string; readonly present: number }
  | { readonly kind: 'stopping'; readonly revisionId: string; readonly instanceId: string }
  | { readonly kind: 'hand'; readonly text: string }
  | { readonly kind: 'harm'; readonly revisionId: string; readonly requests: number }
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly text: string }
  /** The loop ended by itself, which it must not. */
  | { readonly kind: 'defect'; readonly text: string }
);

export type Of<Kind extends Happening['kind']> = Extract<Happening, { kind: Kind }>;

/** One line of a world's story. */
export function happeningText(happening: Happening): string {
  return `${(happening.atMs / 1000).toFixed(3).padStart(9)} s  ${happening.kind.padEnd(9)} ${detail(happening)}`;
}

function detail(happening: Happening): string {
  switch (happening.kind) {
    case 'entry': {
      const { stream, data } = happening.statement;
      const { decision, sentence, effects } = data as Record<string, unknown>;
      const ordered =
        Array.isArray(effects) && effects.length > 0 ? ` [${effects.join('; ')}]` : '';
      return `${happening.index} ${stream} ${String(decision)}: ${String(sentence)}${ordered}`;
    }
    case 'in-force':
      return happening.table.routes
        .map(({ host, backends }) => {
          const shares = backends.map(
            (b) => `${b.revisionId} ${b.weightPercent} % (${b.endpoints.length})`,
          );
          return `${host}: ${shares.join(', ')}`;
        })
        .join(' | ');
    case 'started':
      return happening.revisionId;
    case 'stopping':
      return happening.instanceId;
    case 'harm':
      return `${happening.requests} requests failed at ${happening.revisionId}`;
    case 'up':
      return '';
    case 'hand':
    case 'down':
    case 'defect':
      return happening.text;
  }
}
