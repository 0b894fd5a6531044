import { createHash } from 'node:crypto';
import { createClient } from '@redis/client';
import type { BucketKey, TokenAsk, TokenLoan } from '../../domain/traffic/limits/token-loan.ts';
import type { TokenSource } from '../../ports/token-source.ts';
import { lendScript } from './lend-script.ts';
import { parseRedisUrl } from './redis-url.ts';

/**
 * Buckets in a Redis, for the processes of several gateways. A bucket is a hash that expires when it is full again; the names of
 * keys are digests, as a client's key may be a secret.
 */
export class RedisTokens implements TokenSource {
  readonly #client: RedisClient;
  readonly #log: (message: string) => void;
  readonly #shown: string;
  #isAway = false;

  /** Throws a RangeError for a URL that can't be used; connects by itself, and again whenever the connection is lost. */
  constructor(url: string, log: (message: string) => void) {
    const address = parseRedisUrl(url);
    this.#shown = address.shown;
    this.#log = log;
    this.#client = clientOf(address.url);
    this.#client.on('error', (error: Error) => this.#away(error));
    this.#client.on('ready', () => this.#back());
    // What goes wrong is told by the event above, and it goes on trying.
    this.#client.connect().catch(() => {});
  }

  async lend(asks: readonly TokenAsk[], signal: AbortSignal): Promise<readonly TokenLoan[]> {
    if (!this.#client.isReady) throw new Error(`Redis at ${this.#shown} is away`);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(new Error(`Redis at ${this.#shown} did not answer`));
    signal.addEventListener('abort', onAbort);
    try {
      return await Promise.race([Promise.all(asks.map((ask) => this.#lend(ask))), late]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.removeAllListeners();
    this.#client.on('error', () => {});
    if (this.#client.isOpen) this.#client.destroy();
    return Promise.resolve();
  }

  async #lend({ key, shape, owed, wanted, demand, credit: kept }: TokenAsk): Promise<TokenLoan> {
    const given = [shape.msPerToken, shape.burst, owed, wanted, demand, kept].map(String);
    const answer = await this.#run({ keys: [nameOf(key)], arguments: given });
    if (!Array.isArray(answer) || answer.length !== 5) throw new Error('Redis answered otherwise');
    const [tokens = 0, ahead = 0, waitMs = 0, fullInMs = 0, credit = 0] = answer.map(Number);
    return { key, tokens, ahead, waitMs, fullInMs, credit };
  }

  async #run(given: { readonly keys: string[]; readonly arguments: string[] }): Promise<unknown> {
    try {
      return await this.#client.evalSha(scriptDigest, given);
    } catch (error) {
      // It has forgotten its scripts: it was started anew.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#client.eval(lendScript, given);
    }
  }

  /** Once each time. */
  #away(error: Error): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const why = error.message === '' ? String(error) : error.message;
    this.#log(`Redis at ${this.#shown} is away (${why}): rate limits hold for this gateway alone`);
  }

  #back(): void {
    if (this.#isAway) this.#log(`Redis at ${this.#shown} is back: rate limits are shared again`);
    this.#isAway = false;
  }
}

type RedisClient = ReturnType<typeof clientOf>;

function clientOf(url: string) {
  return createClient({
    url,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries) =>
        Math.min(lastBackOffMs, firstBackOffMs * 2 ** Math.min(retries, 10)) *
        (0.5 + Math.random() / 2),
    },
    // What can't be asked now is asked of somebody else.
    disableOfflineQueue: true,
    commandsQueueMaxLength: commandsMax,
  });
}

const connectTimeoutMs = 1000;
const firstBackOffMs = 50;
const lastBackOffMs = 2000;
const commandsMax = 100_000;
const scriptDigest = createHash('sha1').update(lendScript).digest('hex');

function nameOf({ scope, client }: BucketKey): string {
  return `tidegate:limit:${createHash('sha256').update(`${scope}\n${client}`).digest('hex')}`;
}
