import { createServer } from 'node:http';

/**
 * Takes orders and answers 200 to each, also to those it declines: HTTP shows nothing of that. What it counts is published at
 * /metrics in the Prometheus text format. DECLINES is the share of orders that are declined, QUERY_MS how long a query takes.
 */
const version = process.env.VERSION ?? '';
const declines = Number(process.env.DECLINES ?? '0.02');
const queryMs = Number(process.env.QUERY_MS ?? '5');
const limits = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25];
const counts = { declined: 0, paid: 0, queries: limits.map(() => 0), all: 0, seconds: 0 };

function order() {
  const seconds = (queryMs / 1000) * (0.5 + Math.random());
  for (const [index, limit] of limits.entries()) if (seconds <= limit) counts.queries[index] += 1;
  counts.all += 1;
  counts.seconds += seconds;
  const outcome = Math.random() < declines ? 'declined' : 'paid';
  counts[outcome] += 1;
  return outcome;
}

function metrics() {
  const buckets = limits.map((limit, index) => [limit, counts.queries[index]]);
  return [
    '# HELP orders_total Orders by what became of them.',
    '# TYPE orders_total counter',
    `orders_total{outcome="declined"} ${counts.declined}`,
    `orders_total{outcome="paid"} ${counts.paid}`,
    '# HELP order_query_seconds Time of the query for an order.',
    '# TYPE order_query_seconds histogram',
    ...[...buckets, ['+Inf', counts.all]].map(
      ([limit, count]) => `order_query_seconds_bucket{le="${limit}"} ${count}`,
    ),
    `order_query_seconds_sum ${counts.seconds}`,
    `order_query_seconds_count ${counts.all}`,
    '',
  ].join('\n');
}

const server = createServer((request, response) => {
  if (request.url === '/readyz') return response.end('ok');
  if (request.url === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    return response.end(metrics());
  }
  response.setHeader('content-type', 'application/json');
  return response.end(`${JSON.stringify({ version, outcome: order() })}\n`);
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1');
