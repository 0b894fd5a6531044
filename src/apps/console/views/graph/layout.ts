import ELK, { type ElkExtendedEdge } from 'elkjs/lib/elk-api.js';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';

export interface Place {
  readonly x: number;
  readonly y: number;
}

export const nodeWidth = 196;
export const nodeHeight = 62;

/** Of what is written beside an edge. */
export const labelWidth = 168;
export const labelHeight = 30;

export interface Shape {
  readonly ids: readonly string[];
  readonly edges: readonly {
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly hasLabel: boolean;
  }[];
}

export interface Drawing {
  readonly nodes: ReadonlyMap<string, Place>;
  readonly edges: ReadonlyMap<string, Route>;
}

/** An edge's way around the nodes, and the middle of its label; null: it has none. */
export interface Route {
  readonly points: readonly Place[];
  readonly label: Place | null;
}

/** From here on the finest drawing takes longer than anybody waits. */
const largeFrom = 150;

let elk: InstanceType<typeof ELK> | null = null;

/** In a worker, so that the page goes on answering; the worker is kept for the next drawing. */
export async function layoutOf({ ids, edges }: Shape): Promise<Drawing> {
  elk ??= new ELK({ workerUrl });
  const isLarge = ids.length >= largeFrom;
  const size = { width: labelWidth, height: labelHeight };
  const laidOut = await elk.layout({
    id: 'root',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.spacing.nodeNode': '22',
      'elk.spacing.edgeNode': '14',
      'elk.layered.spacing.nodeNodeBetweenLayers': '48',
      'elk.layered.thoroughness': isLarge ? '1' : '7',
      'elk.layered.nodePlacement.strategy': isLarge ? 'SIMPLE' : 'NETWORK_SIMPLEX',
      'elk.edgeRouting': isLarge ? 'POLYLINE' : 'ORTHOGONAL',
    },
    children: ids.map((id) => ({ id, width: nodeWidth, height: nodeHeight })),
    edges: edges.map(({ id, from, to, hasLabel }) => ({
      id,
      sources: [from],
      targets: [to],
      labels: hasLabel ? [{ id: `${id} label`, text: ' ', ...size }] : [],
    })),
  });
  return {
    nodes: new Map((laidOut.children ?? []).map(({ id, x = 0, y = 0 }) => [id, { x, y }])),
    edges: new Map((laidOut.edges ?? []).map((edge) => [edge.id, routeOf(edge)])),
  };
}

function routeOf({ sections = [], labels = [] }: ElkExtendedEdge): Route {
  const points = sections.flatMap(({ startPoint, bendPoints = [], endPoint }) => [
    startPoint,
    ...bendPoints,
    endPoint,
  ]);
  const [label] = labels;
  const isPlaced = label?.x !== undefined && label.y !== undefined;
  return {
    points,
    label: isPlaced
      ? { x: (label.x ?? 0) + labelWidth / 2, y: (label.y ?? 0) + labelHeight / 2 }
      : null,
  };
}
