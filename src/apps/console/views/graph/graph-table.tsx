import { type ReactNode } from 'react';
import { Link } from 'wouter';
import type { GraphEdge, GraphNode, ServiceGraph } from '../../../../api/graph-wire.ts';
import { healthSigns, millisecondsText, rateText, ratioText, weightsText } from './figures.ts';

/** The same as the drawing, for eyes, ears and keyboards: a row a service, what it asks and who asks it beside. */
export function GraphTable({ graph }: { readonly graph: ServiceGraph }): ReactNode {
  const services = graph.nodes.filter(({ kind }) => kind === 'service');
  return (
    <table className="graph-table">
      <caption className="note">
        {services.length} services, what needs somebody first; figures of the last{' '}
        {graph.windowMs / 1000} s
      </caption>
      <thead>
        <tr>
          <th scope="col">Service</th>
          <th scope="col">Health</th>
          <th scope="col" className="number">
            Requests
          </th>
          <th scope="col" className="number">
            Errors
          </th>
          <th scope="col" className="number">
            p99
          </th>
          <th scope="col">Shares</th>
          <th scope="col">Asks</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {services.map((node) => (
          <Row key={node.id} node={node} edges={graph.edges} />
        ))}
      </tbody>
    </table>
  );
}

function Row(props: { readonly node: GraphNode; readonly edges: readonly GraphEdge[] }): ReactNode {
  const { node, edges } = props;
  const route = edges.find(({ to, source }) => to === node.id && source === 'route');
  const asks = edges.filter(({ from, source }) => from === node.id && source === 'declared');
  return (
    <tr>
      <th scope="row">
        <Link href={`/services/${node.name}`}>{node.name}</Link>
      </th>
      <td data-health={node.health}>
        <span aria-hidden="true">{healthSigns[node.health]}</span> {node.health}
      </td>
      <td className="number">{rateText(node.requestsPerSecond)}</td>
      <td className="number">{ratioText(node.errorRatio)}</td>
      <td className="number">{millisecondsText(node.p99Ms)}</td>
      <td>{route === undefined ? null : (weightsText(route) ?? 'one revision')}</td>
      <td>
        {asks.map(({ id, to }) => {
          const name = to.slice('service/'.length);
          return (
            <Link key={id} href={`/graph?service=${name}`} className="listed">
              {name}
            </Link>
          );
        })}
      </td>
      <td>{node.sentence}</td>
    </tr>
  );
}
