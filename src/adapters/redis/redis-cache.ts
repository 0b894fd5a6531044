import { createHash } from 'node:crypto';
import { createClient, RESP_TYPES } from '@redis/client';
import { secondaryKey } from '../../domain/cache/cache-key.ts';
import type { HeaderLookup } from '../../domain/cache/preconditions.ts';
import type { CacheStore, FoundAnswer } from '../../ports/cache-store.ts';
import { cacheValue, parseCacheValue } from './cache-value.ts';
import { parseRedisUrl } from './redis-url.ts';

/**
 * Cached answers in a Redis, for the processes of several gateways. A resource is a hash: the fields that its answers are chosen by, and
 * an answer for each choice. It expires as a whole, after its newest answer. Names of keys are digests, as paths may be long.
 */
export class RedisCache implements CacheStore {
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

  get isReady(): boolean {
    return this.#client.isReady;
  }

  async get(
    primary: string,
    header: HeaderLookup,
    signal: AbortSignal,
  ): Promise<FoundAnswer | null> {
    const name = nameOf(primary);
    const plain = fieldOf('');
    const [vary, first] = await this.#within(this.#client.hmGet(name, [varyField, plain]), signal);
    const names = vary === undefined || vary === null ? null : namesOf(vary);
    if (names === null) return null;
    const secondary = secondaryKey(names, header);
    if (secondary === null) return null;
    const value =
      names.length === 0
        ? first
        : await this.#within(this.#client.hGet(name, fieldOf(secondary)), signal);
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
    await this.#within(written, signal);
  }

  async remove(primaries: readonly string[], signal: AbortSignal): Promise<void> {
    if (primaries.length > 0) {
      await this.#within(this.#client.unlink(primaries.map(nameOf)), signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.removeAllListeners();
    this.#client.on('error', () => {});
    if (this.#client.isOpen) this.#client.destroy();
    return Promise.resolve();
  }

  /** An answer that comes later is nobody's. */
  async #within<Answer>(answered: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
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

  /** Once each time. */
  #away(error: Error): void {
    if (this.#isAway) return;
    this.#isAway = true;
    const why = error.message === '' ? String(error) : error.message;
    this.#log(`Redis at ${this.#shown} is away (${why}): answers are cached by this gateway alone`);
  }

  #back(): void {
    if (this.#isAway) this.#log(`Redis at ${this.#shown} is back: cached answers are shared again`);
    this.#isAway = false;
  }
}

type RedisClient = ReturnType<typeof clientOf>;

function clientOf(url: string) {
  const client = createClient({
    url,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries) =>
        Math.min(lastBackOffMs, firstBackOffMs * 2 ** Math.min(retries, 10)) *
        (0.5 + Math.random() / 2),
    },
    // What can't be asked now is asked of an instance.
    disableOfflineQueue: true,
    commandsQueueMaxLength: commandsMax,
  });
  return client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
}

const connectTimeoutMs = 1000;
const firstBackOffMs = 50;
const lastBackOffMs = 2000;
const commandsMax = 10_000;
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
