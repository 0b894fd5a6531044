import { createClient } from '@redis/client';
import { parseRedisUrl } from './redis-url.ts';

export interface RedisConnectionOptions {
  readonly log: (message: string) => void;
  /** What holds meanwhile, behind a colon: `rate limits hold for this gateway alone`. */
  readonly whileAway: string;
  readonly onceBack: string;
  /** Commands without an answer; what comes beyond them fails at once. */
  readonly commandsMax: number;
}

/**
 * A Redis that may be away at any time. It connects by itself, and again whenever the connection is lost; that is told once each
 * time. What can't be asked now fails at once, as somebody else is asked then.
 */
export class RedisConnection implements AsyncDisposable {
  readonly client: RedisClient;
  readonly #options: RedisConnectionOptions;
  readonly #shown: string;
  #isAway = false;

  /** Throws a RangeError for a URL that can't be used. */
  constructor(url: string, options: RedisConnectionOptions) {
    const address = parseRedisUrl(url);
    this.#shown = address.shown;
    this.#options = options;
    this.client = clientOf(address.url, options.commandsMax);
    this.client.on('error', (error: Error) => this.#away(error));
    this.client.on('ready', () => this.#back());
    // What goes wrong is told by the event above, and it goes on trying.
    this.client.connect().catch(() => {});
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  /** An answer that comes after the signal is nobody's. */
  async within<Answer>(answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(new Error(`Redis at ${this.#shown} did not answer`));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([answered, late]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      // Whoever is not waited for any more may still fail.
      answered.catch(() => {});
      late.catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.removeAllListeners();
    this.client.on('error', () => {});
    if (this.client.isOpen) this.client.destroy();
    return Promise.resolve();
  }

  #away(error: Error): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const why = error.message === '' ? String(error) : error.message;
    this.#options.log(`Redis at ${this.#shown} is away (${why}): ${this.#options.whileAway}`);
  }

  #back(): void {
    if (this.#isAway)
      this.#options.log(`Redis at ${this.#shown} is back: ${this.#options.onceBack}`);
    this.#isAway = false;
  }
}

type RedisClient = ReturnType<typeof clientOf>;

function clientOf(url: string, commandsMax: number) {
  return createClient({
    url,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries) =>
        Math.min(lastBackOffMs, firstBackOffMs * 2 ** Math.min(retries, 10)) *
        (0.5 + Math.random() / 2),
    },
    disableOfflineQueue: true,
    commandsQueueMaxLength: commandsMax,
  });
}

const connectTimeoutMs = 1000;
const firstBackOffMs = 50;
const lastBackOffMs = 2000;
