import { createHash } from 'node:crypto';
import { RESP_TYPES } from '@redis/client';
import { secondaryKey } from '../../domain/cache/cache-key.ts';
import type { HeaderLookup } from '../../domain/cache/preconditions.ts';
import type { CacheStore, FoundAnswer } from '../../ports/cache-store.ts';
import { cacheValue, parseCacheValue } from './cache-value.ts';
import { RedisConnection } from './redis-connection.ts';

/**
 * Cached answers in a Redis, for the processes of several gateways. A resource is a hash: the fields that its answers are chosen by, and
 * an answer for each choice. It expires as a whole, after its newest answer. Names of keys are digests, as paths may be long.
 */
export class RedisCache implements CacheStore {
  readonly #redis: RedisConnection;
  readonly #client: OctetClient;

  /** Throws a RangeError for a URL that can't be used. */
  constructor(url: string, log: (message: string) => void) {
    this.#redis = new RedisConnection(url, {
      log,
      whileAway: 'answers are cached by this gateway alone',
      onceBack: 'cached answers are shared again',
      commandsMax: 10_000,
    });
    this.#client = octetClientOf(this.#redis);
  }

  get isReady(): boolean {
    return this.#redis.isReady;
  }

  async get(
    primary: string,
    header: HeaderLookup,
    signal: AbortSignal,
  ): Promise<FoundAnswer | null> {
    const name = nameOf(primary);
    const plain = fieldOf('');
    const [vary, first] = await this.#redis.within(
      this.#client.hmGet(name, [varyField, plain]),
      signal,
    );
    const names = vary === undefined || vary === null ? null : namesOf(vary);
    if (names === null) return null;
    const secondary = secondaryKey(names, header);
    if (secondary === null) return null;
    const value =
      names.length === 0
        ? first
        : await this.#redis.within(this.#client.hGet(name, fieldOf(secondary)), signal);
    const answer =
      value === undefined || value === null ? null : parseCacheValue({ primary, secondary }, value);
    // One that is chosen by something else is of another time than the names.
    if (answer === null || answer.vary.join() !== names.join()) return null;
    return { secondary, answer };
  }

  async put(
    primary: string,
    { secondary, answer }: FoundAnswer,
    keptMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const name = nameOf(primary);
    const fields = new Map<string, Buffer>([
      [varyField, Buffer.from(JSON.stringify(answer.vary), 'utf8')],
      [fieldOf(secondary), cacheValue({ primary, secondary }, answer)],
    ]);
    const written = this.#client.multi().hSet(name, fields).pExpire(name, Math.ceil(keptMs)).exec();
    await this.#redis.within(written, signal);
  }

  async remove(primaries: readonly string[], signal: AbortSignal): Promise<void> {
    if (primaries.length > 0) {
      await this.#redis.within(this.#client.unlink(primaries.map(nameOf)), signal);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#redis[Symbol.asyncDispose]();
  }
}

type OctetClient = ReturnType<typeof octetClientOf>;

/** Values are octets, not text. */
function octetClientOf({ client }: RedisConnection) {
  return client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
}

const varyField = 'vary';
const varyNamesMax = 64;

/** `1` is the format's: what another version wrote lies elsewhere. */
function nameOf(primary: string): string {
  return `tidegate:cache:1:${createHash('sha256').update(primary).digest('hex')}`;
}

function fieldOf(secondary: string): string {
  return secondary === '' ? '=' : `=${createHash('sha256').update(secondary).digest('base64url')}`;
}

/** Null: not ours. */
function namesOf(value: Uint8Array): readonly string[] | null {
  try {
    const names: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    const isList = Array.isArray(names) && names.length <= varyNamesMax;
    return isList && names.every((name) => typeof name === 'string') ? names : null;
  } catch {
    // As nothing (port).
    return null;
  }
}
