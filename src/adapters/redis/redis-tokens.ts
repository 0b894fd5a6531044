import { createHash } from 'node:crypto';
import type { BucketKey, TokenAsk, TokenLoan } from '../../domain/traffic/limits/token-loan.ts';
import type { TokenSource } from '../../ports/token-source.ts';
import { lendScript } from './lend-script.ts';
import { RedisConnection } from './redis-connection.ts';

/**
 * Buckets in a Redis, for the processes of several gateways. A bucket is a hash that expires when it is full again; the names of
 * keys are digests, as a client's key may be a secret.
 */
export class RedisTokens implements TokenSource {
  readonly #redis: RedisConnection;

  /** Throws a RangeError for a URL that can't be used. */
  constructor(url: string, log: (message: string) => void) {
    this.#redis = new RedisConnection(url, {
      log,
      whileAway: 'rate limits hold for this gateway alone',
      onceBack: 'rate limits are shared again',
      commandsMax: 100_000,
    });
  }

  async lend(asks: readonly TokenAsk[], signal: AbortSignal): Promise<readonly TokenLoan[]> {
    return this.#redis.within(Promise.all(asks.map((ask) => this.#lend(ask))), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#redis[Symbol.asyncDispose]();
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
      return await this.#redis.client.evalSha(scriptDigest, given);
    } catch (error) {
      // It has forgotten its scripts: it was started anew.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#redis.client.eval(lendScript, given);
    }
  }
}

const scriptDigest = createHash('sha1').update(lendScript).digest('hex');

function nameOf({ scope, client }: BucketKey): string {
  return `tidegate:limit:${createHash('sha256').update(`${scope}\n${client}`).digest('hex')}`;
}
