import { readdir, readFile, stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { Histogram } from './histogram.ts';
import { type MetricFamily, scalar } from './metric-family.ts';

const tickMs = 100;
const delayBoundsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * What Prometheus' client libraries say of a process (prometheus.io/docs/instrumenting/writing_clientlibs, "Standard and runtime
 * collectors"), and how late this thread is: a timer of 100 ms is as late as everything else here. Its delays are a histogram,
 * which adds up over time and processes, where a percentile would not.
 */
export class ProcessCounts implements Disposable {
  readonly #delays = new Histogram(delayBoundsSeconds);
  readonly #timer: NodeJS.Timeout;
  #expectedMs = performance.now() + tickMs;

  constructor() {
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#delays.add(Math.max(0, nowMs - this.#expectedMs) / 1000);
      this.#expectedMs = nowMs + tickMs;
    }, tickMs);
    this.#timer.unref();
  }

  async families(): Promise<readonly MetricFamily[]> {
    const [openFds, maxFds] = await Promise.all([countOpenFds(), readMaxFds()]);
    const { user, system } = process.cpuUsage();
    const gauge = { kind: 'gauge', merge: 'each' } as const;
    return [
      scalar(
        {
          kind: 'counter',
          merge: 'each',
          name: 'process_cpu_seconds',
          help: 'CPU time of all threads of the process, user and system.',
        },
        (user + system) / 1e6,
      ),
      scalar(
        { ...gauge, name: 'process_resident_memory_bytes', help: 'Memory that is in use.' },
        process.memoryUsage.rss(),
      ),
      scalar(
        { ...gauge, name: 'process_start_time_seconds', help: 'Since the Unix epoch.' },
        performance.timeOrigin / 1000,
      ),
      ...optional(
        { ...gauge, name: 'process_open_fds', help: 'File descriptors that are open.' },
        openFds,
      ),
      ...optional(
        { ...gauge, name: 'process_max_fds', help: 'Limit of file descriptors.' },
        maxFds,
      ),
      ...this.#runtime(),
    ];
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #runtime(): readonly MetricFamily[] {
    const { active, idle } = performance.eventLoopUtilization();
    const { heapUsed } = process.memoryUsage();
    return [
      {
        kind: 'histogram',
        merge: 'each',
        name: 'nodejs_eventloop_delay_seconds',
        help: `How late a timer of ${tickMs} ms is.`,
        bounds: delayBoundsSeconds,
        points: [this.#delays.point({})],
      },
      {
        kind: 'counter',
        merge: 'each',
        name: 'nodejs_eventloop_time_seconds',
        help: 'Time that the event loop was at work, and waited.',
        points: [
          { labels: { nodejs_eventloop_state: 'active' }, value: active / 1000 },
          { labels: { nodejs_eventloop_state: 'idle' }, value: idle / 1000 },
        ],
      },
      scalar(
        {
          kind: 'gauge',
          merge: 'each',
          name: 'v8js_memory_heap_used_bytes',
          help: 'Memory of JavaScript objects.',
        },
        heapUsed,
      ),
    ];
  }
}

function optional(head: Parameters<typeof scalar>[0], value: number | null): MetricFamily[] {
  return value === null ? [] : [scalar(head, value)];
}

/** Null where there is no /proc. Since Linux 6.2 the folder's size is their number; before, it has to be read. */
async function countOpenFds(): Promise<number | null> {
  try {
    const { size } = await stat('/proc/self/fd');
    // What the look itself has open is not counted.
    return size > 0 ? size : (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}

async function readMaxFds(): Promise<number | null> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}
