/**
 * Entry of the process that `startLoadProcess` forks. What it runs is loaded after the cache of compiled code is there: that
 * takes two thirds of the CPU, at a moment when services may be starting too.
 */
import { enableCompileCache } from 'node:module';

enableCompileCache();
await import('./told-load.ts');
