import { usualCacheRule } from '../../../domain/cache/cache-rule.fixture.ts';
import type { CachePurge } from '../../../domain/cache/cache-rule.ts';
import type { Field } from '../../../domain/cache/http-fields.ts';
import { withPurge } from '../../../domain/cache/purge.ts';
import { seededRandom } from '../../../domain/traffic/seeded-random.ts';
import type { Errand, Served } from './errand.ts';
import { CacheTurn, RouteCache } from './route-cache.ts';

/**
 * Random requests, invalidations, purges and rollouts against a naive model: a list of all that has happened, which is looked through
 * for each answer that the cache gives. The model knows neither keys nor clocks: what an answer is good for stands in its body.
 */
export interface ModelResult {
  readonly sequences: number;
  readonly served: number;
  readonly mistakes: readonly string[];
}

/** `plant`: what is left out on purpose, to see that the model finds it. */
export function runModel(
  seed: number,
  sequences: number,
  plant: 'nothing' | 'purges' | 'unsafe requests' | 'revisions' = 'nothing',
): ModelResult {
  const random = seededRandom(seed);
  let served = 0;
  const mistakes: string[] = [];
  for (let sequence = 0; sequence < sequences; sequence += 1) {
    const run = new ModelRun(random, plant);
    for (let step = 0; step < stepsEach; step += 1) run.step();
    served += run.served;
    mistakes.push(...run.mistakes.map((each) => `sequence ${sequence}: ${each}`));
  }
  return { sequences, served, mistakes };
}

const stepsEach = 40;
const paths = ['/a', '/a/b', '/c?x=1'] as const;
const languages = ['de', 'en'] as const;
const revisions = ['r1', 'r2'] as const;
const tags = ['red', 'blue'] as const;

/** Written into its body. */
interface Said {
  readonly turn: number;
  readonly revisionId: string;
  readonly path: string;
  readonly language: string;
  readonly varies: boolean;
  readonly tag: string;
  readonly isShared: boolean;
  readonly isFresh: boolean;
}

type Happened =
  | { readonly kind: 'all' }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'path'; readonly path: string };

interface Fetch {
  readonly errand: Errand;
  readonly said: Said;
}

class ModelRun {
  served = 0;
  readonly mistakes: string[] = [];
  readonly #random: () => number;
  readonly #plant: string;
  readonly #cache: RouteCache;
  readonly #happened: { readonly turn: number; readonly what: Happened }[] = [];
  readonly #pending: Fetch[] = [];
  #purges: readonly CachePurge[] = [];
  #turn = 0;

  constructor(random: () => number, plant: string) {
    this.#random = random;
    this.#plant = plant;
    const rule = { ...usualCacheRule, memoryBytes: random() < 0.5 ? 65_536 : 1_000_000 };
    const options = { service: 'svc', rule, memoryShare: 1, far: null, onChanged: () => {} };
    this.#cache = new RouteCache(options);
    this.#apply();
  }

  step(): void {
    this.#turn += 1;
    const what = this.#random();
    if (what < 0.62) this.#read();
    else if (what < 0.8) this.#land();
    else if (what < 0.88) this.#write();
    else if (what < 0.95) this.#purge();
    else this.#apply();
  }

  #read(): void {
    const [path, language, revisionId] = [
      this.#of(paths),
      this.#of(languages),
      this.#of(revisions),
    ];
    const control = this.#random() < 0.1 ? 'no-cache' : null;
    const token = this.#random() < 0.1 ? 'Bearer x' : null;
    const values = new Map([
      ['accept-language', language],
      ...(control === null ? [] : [['cache-control', control] as const]),
      ...(token === null ? [] : [['authorization', token] as const]),
    ]);
    const header = (name: string): string | null => values.get(name) ?? null;
    const asked = {
      method: 'GET',
      scheme: 'http' as const,
      authority: 'svc',
      path,
      hasBody: false,
      header,
    };
    const ofRevision = this.#plant === 'revisions' ? 'r1' : revisionId;
    const answer = this.#cache.ask(
      { ...asked, keepHeaders: () => header, revisionId: ofRevision, isEvidence: false },
      new CacheTurn(),
    );
    if (answer.kind === 'serve') {
      this.#check(answer.served, { path, language, revisionId, isForced: control !== null });
    }
    if (answer.kind !== 'fetch' || answer.errand === null) return;
    const isShared = token === null && this.#random() < 0.8;
    const said: Said = {
      turn: this.#turn,
      revisionId,
      path,
      language,
      varies: path === '/a',
      tag: this.#of(tags),
      isShared,
      isFresh: this.#random() < 0.8,
    };
    this.#pending.push({ errand: answer.errand, said });
    if (this.#random() < 0.7) this.#land();
  }

  /** The answer comes to one that was asked for, whatever has happened meanwhile. */
  #land(): void {
    const [fetch] = this.#pending.splice(Math.floor(this.#random() * this.#pending.length), 1);
    if (fetch === undefined) return;
    const { errand, said } = fetch;
    if (this.#random() < 0.1) {
      errand.failed();
      return;
    }
    const fields: Field[] = [
      ['Cache-Control', said.isShared ? 'max-age=600' : 'private, max-age=600'],
      ['Cache-Tag', said.tag],
      ['Age', said.isFresh ? '0' : '900'],
      ...(said.varies ? [['Vary', 'Accept-Language'] as const] : []),
    ];
    errand.head({ status: 200, fields });
    errand.data(Buffer.from(JSON.stringify(said)));
    if (this.#random() < 0.1) errand.failed();
    else errand.whole();
  }

  #write(): void {
    const path = this.#of(paths);
    if (this.#plant !== 'unsafe requests') {
      const header = (): null => null;
      const asked = {
        method: 'POST',
        scheme: 'http' as const,
        authority: 'svc',
        path,
        hasBody: true,
        header,
      };
      const answer = this.#cache.ask(
        { ...asked, keepHeaders: () => header, revisionId: 'r1', isEvidence: false },
        new CacheTurn(),
      );
      if (answer.kind === 'fetch') answer.errand?.head({ status: 204, fields: [] });
    }
    this.#happened.push({ turn: this.#turn, what: { kind: 'path', path } });
  }

  #purge(): void {
    const which = this.#random();
    const what: Happened =
      which < 0.2
        ? { kind: 'all' }
        : which < 0.6
          ? { kind: 'tag', tag: this.#of(tags) }
          : { kind: 'path', path: this.#of(paths) };
    if (this.#plant !== 'purges') {
      this.#purges = withPurge(this.#purges, { atMs: Date.now(), what });
      this.#apply();
    }
    this.#happened.push({ turn: this.#turn, what });
  }

  /** A table, as each step of a rollout brings one. */
  #apply(): void {
    const weight = Math.floor(this.#random() * 101);
    const backends = revisions.map((revisionId, index) => ({
      revisionId,
      weightPercent: index === 0 ? weight : 100 - weight,
      endpoints: [],
    }));
    this.#cache.apply({ backends, cachePurges: this.#purges });
  }

  #check(
    { answer, status }: Served,
    asked: {
      readonly path: string;
      readonly language: string;
      readonly revisionId: string;
      readonly isForced: boolean;
    },
  ): void {
    this.served += 1;
    const said = JSON.parse(Buffer.from(answer.body).toString()) as Said;
    const wrong = (what: string): void => {
      this.mistakes.push(`${what}: ${JSON.stringify({ said, asked, status, turn: this.#turn })}`);
    };
    if (said.revisionId !== asked.revisionId) wrong("another revision's");
    if (said.path !== asked.path) wrong("another path's");
    if (said.varies && said.language !== asked.language) wrong("another variant's");
    if (!said.isShared) wrong('not to be shared');
    if (!said.isFresh) wrong('stale');
    if (asked.isForced) wrong('asked past the cache');
    const isGone = this.#happened.some(({ turn, what }) => turn > said.turn && isMeant(what, said));
    if (isGone) wrong('removed meanwhile');
  }

  #of<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('an empty list');
    return item;
  }
}

/** As the paths of this model have it: a purge of a path has no query in it, or the very one. */
function isMeant(what: Happened, said: Said): boolean {
  if (what.kind === 'all') return true;
  return what.kind === 'tag' ? what.tag === said.tag : what.path === said.path;
}
