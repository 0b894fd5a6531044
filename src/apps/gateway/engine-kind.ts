import { FastEngine } from './fast/fast-engine.ts';
import { type Engine, HttpEngine } from './http-engine.ts';
import { LlhttpError } from './http1/llhttp.ts';
import type { LiveRoutes } from './live-routes.ts';

/** `fast`: bare sockets; `compat`: node:http and undici, for when something is wrong with the other. */
export type EngineKind = 'fast' | 'compat';

const usualKind: EngineKind = 'fast';

/** Null: there is no engine of that name. */
export function engineKindOf(name: string | undefined): EngineKind | null {
  if (name === undefined) return usualKind;
  return name === 'fast' || name === 'compat' ? name : null;
}

/** The fast engine does not go without its second parser; where that is missing the other one serves. */
export function engineOf(
  kind: EngineKind,
  routes: LiveRoutes,
  log: (message: string) => void,
): Engine {
  if (kind === 'compat') return new HttpEngine(routes);
  try {
    return new FastEngine(routes, { log });
  } catch (error) {
    if (!(error instanceof LlhttpError)) throw error;
    log(`serving with the engine compat: ${error.message}`);
    return new HttpEngine(routes);
  }
}
