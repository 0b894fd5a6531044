import { type MetricFamily, scalar } from '../metrics/metric-family.ts';
import type { InstancePools } from './instance-pool.ts';

/** What is open now, towards callers and instances. */
export function connectionFamilies(
  callers: { readonly connections: number; readonly tunnels: number },
  pools: InstancePools,
): readonly MetricFamily[] {
  const gauge = { kind: 'gauge', merge: 'sum' } as const;
  const states = pools.states().map((state) => ({
    ...state,
    labels: {
      tidegate_instance: state.endpoint.instanceId,
      server_address: state.endpoint.host,
      server_port: String(state.endpoint.port),
    },
  }));
  return [
    scalar(
      {
        ...gauge,
        name: 'tidegate_gateway_caller_connections',
        help: 'Connections of callers that are open.',
      },
      callers.connections,
    ),
    scalar(
      {
        ...gauge,
        name: 'tidegate_gateway_tunnels',
        help: 'Connections of callers that have become tunnels, such as WebSockets.',
      },
      callers.tunnels,
    ),
    {
      ...gauge,
      name: 'http_client_open_connections',
      help: 'Connections to instances that are open, by whether a request has them.',
      points: states.flatMap(({ labels, open, idle }) => [
        { labels: { ...labels, http_connection_state: 'active' }, value: open - idle },
        { labels: { ...labels, http_connection_state: 'idle' }, value: idle },
      ]),
    },
    {
      ...gauge,
      name: 'tidegate_gateway_instance_waiting_requests',
      help: 'Requests that wait for a connection to an instance.',
      points: states.map(({ labels, waiting }) => ({ labels, value: waiting })),
    },
  ];
}
