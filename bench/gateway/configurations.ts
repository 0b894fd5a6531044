/** Configuration texts of the servers beside us. */
export interface Ports {
  readonly port: number;
  /** Two that answer alike; they have 90 and 10 percent of the requests, as a candidate would. */
  readonly backendPorts: readonly [stable: number, candidate: number];
}

/** The name that routes and Host header have. */
export const hostName = 'bench.localhost';
export const bigPath = '/big';
export const bigBytes = 10 * 1024 * 1024;

/** Answers 1 KB of JSON at once, and 10 MB from a file. */
export function nginxBackend(folder: string, ports: readonly number[]): string {
  const json = JSON.stringify({ items: 'x'.repeat(1040) });
  return nginx(folder, 'backend', [
    '  server {',
    ...ports.map((port) => `    listen 127.0.0.1:${port} backlog=4096;`),
    '    default_type application/json;',
    `    location / { return 200 '${json}'; }`,
    `    location = ${bigPath} { sendfile on; alias ${folder}/big; }`,
    '  }',
  ]);
}

/** Nothing but passing on, with connections kept on both sides. */
export function nginxProxy(folder: string, { port, backendPorts }: Ports): string {
  const [stable, candidate] = backendPorts;
  return nginx(folder, 'proxy', [
    '  upstream backend {',
    `    server 127.0.0.1:${stable} weight=9; server 127.0.0.1:${candidate} weight=1;`,
    '    keepalive 64; keepalive_requests 1000000000;',
    '  }',
    '  server {',
    `    listen 127.0.0.1:${port} backlog=4096;`,
    '    location / {',
    '      proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";',
    '      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;',
    '    }',
    '  }',
  ]);
}

/** One process without a log; `lines` stand in `http`. */
export function nginx(folder: string, name: string, lines: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    'daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;',
    `pid ${folder}/${name}.pid;`,
    'error_log stderr crit;',
    'events { worker_connections 16384; }',
    'http {',
    '  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;',
    ...temporary.map((each) => `  ${each}_temp_path ${folder}/${name}-${each};`),
    ...lines,
    '}',
    '',
  ].join('\n');
}

/**
 * `bare` splits by weight and keeps connections. With features it does what the gateway does beside that: a route by
 * header, a limit by caller, retries, forwarded headers, a trace's parent made for each request; and then its log.
 */
export function haproxy(
  { port, backendPorts }: Ports,
  options: {
    readonly hasFeatures: boolean;
    readonly logPort: number | null;
    readonly threads?: number;
  },
): string {
  const [stable, candidate] = backendPorts;
  const trace = '00-%[rand(),hex]%[rand(),hex]-%[rand(),hex]-01';
  const features = [
    '  stick-table type ip size 100k expire 60s store http_req_rate(10s)',
    '  http-request track-sc0 src',
    '  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }',
    `  http-request set-header traceparent ${trace}`,
    '  option forwardfor',
    '  use_backend candidate if { req.hdr(x-canary) -m str true }',
  ];
  return [
    'global',
    `  nbthread ${options.threads ?? 1}`,
    '  maxconn 9000',
    ...(options.logPort === null ? [] : [`  log 127.0.0.1:${options.logPort} local0`]),
    'defaults',
    '  mode http',
    '  timeout connect 3s',
    '  timeout client 75s',
    '  timeout server 75s',
    '  http-reuse always',
    ...(options.hasFeatures ? ['  retries 2', '  option redispatch'] : []),
    ...(options.logPort === null ? [] : ['  log global', '  option httplog']),
    'frontend in',
    `  bind 127.0.0.1:${port} backlog 4096`,
    ...(options.hasFeatures ? features : []),
    '  default_backend both',
    'backend both',
    `  server stable 127.0.0.1:${stable} weight 90`,
    `  server candidate 127.0.0.1:${candidate} weight 10`,
    'backend candidate',
    `  server candidate 127.0.0.1:${candidate}`,
    '',
  ].join('\n');
}
