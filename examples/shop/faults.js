import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The ways in which a service of the shop can be told to misbehave, all by environment; README.md lists them. */
const { env } = process;
const startedAtMs = performance.now();

const failPercent = Number(env.FAIL_PERCENT ?? (env.FAIL_AFTER === undefined ? 0 : 100));
// Spread evenly: 5 % is every twentieth request, not a die thrown for each (FAIL_SPREAD=dice does that).
let owedPercent = 0;

export const faults = {
  delayMs: Number(env.DELAY_MS ?? 0),
  ignoresSigterm: env.IGNORE_SIGTERM === 'true',
  isReady: () => env.READY !== 'false' && hasPassed(env.READY_AFTER ?? 0),
  isLive: () => env.LIVE !== 'false',
  hangs: () => env.HANG === 'true',
  fails() {
    if (!hasPassed(env.FAIL_AFTER ?? 0)) return false;
    if (env.FAIL_SPREAD === 'dice') return Math.random() * 100 < failPercent;
    owedPercent += failPercent;
    if (owedPercent < 100) return false;
    owedPercent -= 100;
    return true;
  },
  /** Called once the service listens. */
  start(server) {
    if (env.EXIT_AFTER !== undefined) {
      setTimeout(
        () => {
          console.error(`exits on purpose after ${env.EXIT_AFTER} s`);
          process.exit(1);
        },
        Number(env.EXIT_AFTER) * 1000,
      );
    }
    if (env.LEAK_PORT === 'true') leakPort(server);
  },
};

function hasPassed(seconds) {
  return performance.now() - startedAtMs >= Number(seconds) * 1000;
}

/** A child that inherits the listening socket, accepts nothing on it, and outlives its parent for a minute at most. */
function leakPort(server) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('leak.js', import.meta.url))], {
    // The handle's descriptor is not a documented property of Node; there is no other way to leak one.
    stdio: ['ignore', 'ignore', 'ignore', server._handle.fd],
  });
  child.unref();
}
