import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCore, type Processes } from '../gateway/programs.ts';
import { freePorts } from '../world.ts';
import type { BoundaryPlace } from './place.ts';

export interface NginxWish {
  readonly name: string;
  readonly workers: number;
  /** Within its `http` block. */
  readonly lines: readonly string[];
}

/** Writes its configuration; resolves with what it is started by. A master process stays, so it is ended by `endMaster`. */
export async function nginxOf(
  { folder }: BoundaryPlace,
  { name, workers, lines }: NginxWish,
): Promise<readonly string[]> {
  const path = join(folder, `${name}-nginx.conf`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const text = [
    `daemon off; worker_processes ${workers};`,
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `pid ${folder}/${name}-nginx.pid;`,
    'error_log stderr crit;',
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    ...temporary.map((each) => `  ${each}_temp_path ${folder}/${name}-nginx-${each};`),
    ...lines,
    '}',
    '',
  ].join('\n');
  await writeFile(path, text);
  return ['nginx', '-c', path, '-p', folder, '-e', 'stderr'];
}

/** Resolves with the file that has its URL. It keeps nothing on disk. */
export async function startRedis({ folder }: BoundaryPlace, processes: Processes): Promise<string> {
  const [port = 0] = await freePorts(1);
  const argv = ['redis-server', '--bind', '127.0.0.1', '--port', String(port)];
  await processes.start(loadCore, [...argv, '--dir', folder, '--save', ''], port);
  const file = join(folder, `redis-url-${port}`);
  await writeFile(file, `redis://127.0.0.1:${port}/0\n`, { mode: 0o600 });
  return file;
}
