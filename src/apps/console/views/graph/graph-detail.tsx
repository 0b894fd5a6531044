import { type ReactNode } from 'react';
import { Link } from 'wouter';
import type { GraphEdge, GraphNode, ServiceGraph } from '../../../../api/graph-wire.ts';
import { figuresText, healthSigns, millisecondsText, rateText, ratioText } from './figures.ts';

/** Of the service that was chosen in the drawing. */
export function GraphDetail(props: {
  readonly graph: ServiceGraph;
  readonly node: GraphNode;
  readonly close: () => void;
}): ReactNode {
  const { graph, node, close } = props;
  const route = graph.edges.find(({ to, source }) => to === node.id && source === 'route');
  return (
    <aside className="graph-detail" aria-label={`About ${node.name}`}>
      <header className="page-head">
        <h2>{node.name}</h2>
        <button type="button" className="quiet" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      <p data-health={node.health}>
        {healthSigns[node.health]} {node.health}
        {node.sentence === null ? '' : `: ${node.sentence}`}
      </p>
      <p>
        {figuresText(node)}; {node.instances.ready} of {node.instances.total} instances ready
      </p>
      {node.rollout !== null && (
        <p>
          Under way: <Link href={`/rollouts/${node.rollout.id}`}>{node.rollout.id}</Link>
        </p>
      )}
      <Revisions revisions={route?.revisions ?? []} />
      <p className="actions">
        <Link href={`/graph?service=${node.name}`}>Put in the middle</Link>
        <Link href={`/services/${node.name}`}>All about {node.name}</Link>
        <Link href={`/timeline?services=${node.name}`}>What happened</Link>
      </p>
    </aside>
  );
}

function Revisions({ revisions }: Pick<GraphEdge, 'revisions'>): ReactNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Revision</th>
          <th scope="col" className="number">
            Wanted
          </th>
          <th scope="col" className="number">
            Is
          </th>
          <th scope="col" className="number">
            Rate
          </th>
          <th scope="col" className="number">
            Errors
          </th>
          <th scope="col" className="number">
            p99
          </th>
        </tr>
      </thead>
      <tbody>
        {revisions.map((each) => (
          <tr key={each.revisionId}>
            <th scope="row">{each.version ?? each.revisionId}</th>
            <td className="number">{each.weightPercent} %</td>
            <td className="number">
              {each.measuredSharePercent === null
                ? '–'
                : `${Number(each.measuredSharePercent.toFixed(1))} %`}
            </td>
            <td className="number">{rateText(each.requestsPerSecond)}</td>
            <td className="number">{ratioText(each.errorRatio)}</td>
            <td className="number">{millisecondsText(each.p99Ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
