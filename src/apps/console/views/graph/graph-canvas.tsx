import '@xyflow/react/dist/base.css';
import {
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  Handle,
  type Node,
  type NodeProps,
  Panel,
  Position,
  ReactFlow,
} from '@xyflow/react';
import { memo, type ReactNode, useEffect, useMemo, useState } from 'react';
import type { GraphEdge, GraphNode, ServiceGraph } from '../../../../api/graph-wire.ts';
import { pathThrough } from './edge-path.ts';
import { figuresText, healthSigns, weightsText } from './figures.ts';
import {
  type Drawing,
  labelHeight,
  labelWidth,
  layoutOf,
  nodeHeight,
  nodeWidth,
  type Place,
  type Route,
  type Shape,
} from './layout.ts';

type Drawn = Node<{ readonly node: GraphNode }, 'service'>;
type DrawnEdge = Edge<{ readonly edge: GraphEdge; readonly route: Route }, 'flow'>;

/** Beyond this there is no room beside the edges; their figures are in the detail and in the table. */
const labelledEdgesMax = 60;

const nodeTypes = { service: memo(ServiceNode) };
const edgeTypes = { flow: memo(FlowEdge) };

export default function GraphCanvas(props: {
  readonly graph: ServiceGraph;
  readonly selectedId: string | null;
  readonly select: (id: string | null) => void;
}): ReactNode {
  const { graph, selectedId, select } = props;
  const { drawing, trouble, tookMs } = useDrawing(graph);
  const nodes = useMemo(
    () =>
      graph.nodes.flatMap((node): Drawn[] => {
        const position = drawing?.nodes.get(node.id);
        if (position === undefined) return [];
        const isSelected = node.id === selectedId;
        return [drawnNode(node, position, isSelected)];
      }),
    [graph, drawing, selectedId],
  );
  const edges = useMemo(
    () =>
      graph.edges.flatMap((edge): DrawnEdge[] => {
        const route = drawing?.edges.get(edge.id);
        return route === undefined ? [] : [drawnEdge(edge, route)];
      }),
    [graph, drawing],
  );
  if (trouble !== null) {
    return (
      <p className="note" role="alert" data-tone="bad">
        The graph cannot be drawn here: {trouble}. The table has the same.
      </p>
    );
  }
  if (drawing === null) return <p className="note">Arranging {graph.nodes.length} services</p>;
  return (
    <ReactFlow<Drawn, DrawnEdge>
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      key={[...drawing.nodes.keys()].join(' ')}
      fitView
      fitViewOptions={{ maxZoom: 1, padding: 0.08 }}
      minZoom={0.05}
      maxZoom={2}
      onlyRenderVisibleElements
      nodesDraggable={false}
      nodesConnectable={false}
      edgesFocusable={false}
      elementsSelectable
      deleteKeyCode={null}
      onNodeClick={(_, { id }) => select(id)}
      onPaneClick={() => select(null)}
      onNodesChange={(changes) => {
        const chosen = changes.find((each) => each.type === 'select' && each.selected);
        if (chosen?.type === 'select') select(chosen.id);
      }}
      proOptions={{ hideAttribution: false }}
      data-layout-ms={Math.round(tookMs)}
    >
      <Controls showInteractive={false} />
      <Panel position="top-left" className="graph-legend">
        <span data-health="failing">✕ failing</span> <span data-health="degraded">▲ degraded</span>{' '}
        <span data-health="quiet">○ quiet</span> <span data-health="healthy">● healthy</span>{' '}
        <span className="declared">┄ declared</span>
      </Panel>
    </ReactFlow>
  );
}

interface Arranged {
  readonly drawing: Drawing | null;
  readonly trouble: string | null;
  readonly tookMs: number;
}

/** Arranged anew only when services or edges come or go, not with each figure. */
function useDrawing(graph: ServiceGraph): Arranged {
  const [state, setState] = useState<Arranged>({ drawing: null, trouble: null, tookMs: 0 });
  const shape = JSON.stringify(shapeOf(graph));
  useEffect(() => {
    let isWanted = true;
    const beganMs = performance.now();
    layoutOf(JSON.parse(shape) as Shape).then(
      (drawing) => {
        const tookMs = performance.now() - beganMs;
        if (isWanted) setState({ drawing, trouble: null, tookMs });
      },
      (error: unknown) => {
        if (isWanted) setState({ drawing: null, trouble: String(error), tookMs: 0 });
      },
    );
    return () => {
      isWanted = false;
    };
  }, [shape]);
  return state;
}

/** In an order of its own: the graph's is by need, and changes. */
function shapeOf({ nodes, edges }: ServiceGraph): Shape {
  const routes = edges.filter(({ source }) => source === 'route').length;
  return {
    ids: nodes.map(({ id }) => id).toSorted(),
    edges: edges
      .map(({ id, from, to, source }) => {
        return { id, from, to, hasLabel: source === 'route' && routes <= labelledEdgesMax };
      })
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function drawnNode(node: GraphNode, position: Place, isSelected: boolean): Drawn {
  const what = node.kind === 'gateway' ? 'gateway' : `service ${node.name}, ${node.health}`;
  const why = node.sentence === null ? '' : `: ${node.sentence}`;
  return {
    id: node.id,
    type: 'service',
    position: { ...position },
    width: nodeWidth,
    height: nodeHeight,
    data: { node },
    selected: isSelected,
    ariaLabel: `${what}${why}; ${figuresText(node)}`,
  };
}

function drawnEdge(edge: GraphEdge, route: Route): DrawnEdge {
  return {
    id: edge.id,
    type: 'flow',
    source: edge.from,
    target: edge.to,
    className: `${edge.source} ${edge.health}`,
    data: { edge, route },
  };
}

function FlowEdge({ data }: EdgeProps<DrawnEdge>): ReactNode {
  if (data === undefined) return null;
  const { edge, route } = data;
  const { label } = route;
  const weights = weightsText(edge);
  return (
    <>
      <BaseEdge path={pathThrough(route.points)} />
      {label !== null && (
        <EdgeLabelRenderer>
          <div
            className="graph-label"
            data-health={edge.health}
            style={{
              width: labelWidth,
              height: labelHeight,
              transform: `translate(-50%, -50%) translate(${label.x}px, ${label.y}px)`,
            }}
          >
            {figuresText(edge)}
            {weights !== null && <br />}
            {weights}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}

function ServiceNode({ data: { node }, selected }: NodeProps<Drawn>): ReactNode {
  const { rollout } = node;
  return (
    <div
      className="graph-node"
      data-kind={node.kind}
      data-health={node.health}
      data-selected={selected}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <strong>
        {node.kind === 'service' && <span aria-hidden="true">{healthSigns[node.health]}</span>}{' '}
        {node.name}
      </strong>
      <span className="graph-node-figures">
        {node.kind === 'gateway'
          ? 'counts every request'
          : `${node.instances.ready} of ${node.instances.total} ready · ${node.phase ?? ''}`}
      </span>
      <span className="graph-node-figures" title={node.sentence ?? undefined}>
        {node.sentence ?? (rollout === null ? '' : stepText(rollout))}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

function stepText(rollout: NonNullable<GraphNode['rollout']>): string {
  const { stepNumber, stepCount, wantedSharePercent } = rollout;
  const step = stepNumber === null ? '' : `step ${stepNumber} of ${stepCount}, `;
  return `${step}${wantedSharePercent} % to the new one`;
}
