import type { LoadInterval, LoadResult } from '../../domain/load/load-result.ts';
import type { LoadOptions } from './load-options.ts';

/** What the starting process says to the worker. */
export type ToLoadWorker =
  | { readonly kind: 'start'; readonly options: LoadOptions }
  | { readonly kind: 'stop' };

/** What the worker says back: any number of intervals, then one of the other two, then it exits. */
export type FromLoadWorker =
  | { readonly kind: 'interval'; readonly interval: LoadInterval }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string; readonly isRefusal: boolean };
