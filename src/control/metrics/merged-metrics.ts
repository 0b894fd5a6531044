import type { MetricsSource } from '../../ports/metrics-source.ts';

/** Several sources as one. Each keeps its own order; together they come as they come. */
export function mergedMetrics(sources: readonly MetricsSource[]): MetricsSource {
  return {
    subscribe(listener) {
      const subscriptions = new DisposableStack();
      for (const source of sources) subscriptions.use(source.subscribe(listener));
      return subscriptions;
    },
  };
}
