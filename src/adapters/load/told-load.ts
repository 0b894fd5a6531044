import { runLoad } from './load-generator.ts';
import type { FromLoadWorker, ToLoadWorker } from './load-messages.ts';
import type { LoadOptions } from './load-options.ts';
import { LoadError, settingsOf } from './load-options.ts';
import { rehearse } from './rehearsal.ts';

/**
 * What a load process does: it runs the one load it is told to and exits, after its result, or at once when the process
 * that started it is gone, so that no load outlives the one who asked for it.
 */
const stopping = new AbortController();

// Ctrl-C reaches the whole process group; the parent decides what it means and still wants the result.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => stopping.abort());
process.on('disconnect', () => process.exit(0));
process.on('message', (message: ToLoadWorker) => {
  if (message.kind === 'stop') stopping.abort();
  else void run(message.options);
});

async function run(options: LoadOptions): Promise<void> {
  try {
    settingsOf(options);
    await rehearse(options, stopping.signal);
    const result = await runLoad(options, stopping.signal, (interval) =>
      say({ kind: 'interval', interval }),
    );
    say({ kind: 'result', result }, () => process.exit(0));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ kind: 'failed', message, isRefusal: error instanceof LoadError }, () => process.exit(1));
  }
}

function say(message: FromLoadWorker, done: () => void = () => {}): void {
  // A failed send means that the parent is gone; 'disconnect' then ends this process.
  process.send?.(message, undefined, undefined, done);
}
