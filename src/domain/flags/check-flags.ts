import { type Flag, flagLimits, flagNamePattern, type FlagTurn, typeOfValue } from './flag.ts';

/** Of a router's table: the flags of one revision, and who may ask for them. */
export interface AskedFlags {
  readonly service: string;
  readonly revisionId: string;
  /** Of the token that its instances are given: 64 hex digits. The token itself is in no table. */
  readonly tokenSha256: string;
  readonly flags: readonly Flag[];
  readonly turns: readonly FlagTurn[];
}

type Note = (place: string, message: string) => void;

/** Revisions of all services that have flags. */
const revisionsMax = 4000;

/** What a broken sender could have wrong, so that evaluation may believe the rest. */
export function checkAskedFlags(all: readonly AskedFlags[], note: Note): void {
  if (all.length > revisionsMax) {
    note('flags', `are of ${all.length} revisions, at most ${revisionsMax} are taken`);
    return;
  }
  const tokens = new Set<string>();
  for (const [index, each] of all.entries()) {
    const place = `flags[${index}]`;
    const { tokenSha256, flags, turns } = each;
    if (!/^[0-9a-f]{64}$/.test(tokenSha256)) note(`${place}.tokenSha256`, 'must be 64 hex digits');
    if (tokens.has(tokenSha256)) note(`${place}.tokenSha256`, 'is that of another revision');
    tokens.add(tokenSha256);
    if (flags.length > flagLimits.flags) note(`${place}.flags`, `more than ${flagLimits.flags}`);
    const known = new Map(flags.map((flag) => [flag.key, flag]));
    if (known.size < flags.length) note(`${place}.flags`, 'a key is there twice');
    for (const [at, flag] of flags.entries()) checkFlag(flag, `${place}.flags[${at}]`, note);
    for (const [at, { flag, variant }] of turns.entries()) {
      const turned = known.get(flag);
      if (turned !== undefined && Object.hasOwn(turned.variants, variant)) continue;
      note(`${place}.turns[${at}]`, `there is no variant '${variant}' of a flag '${flag}'`);
    }
  }
}

function checkFlag(flag: Flag, place: string, note: Note): void {
  const { key, variants, defaultVariant, targeting } = flag;
  if (!flagNamePattern.test(key) || key.length > flagLimits.nameLength) {
    note(`${place}.key`, `'${key.slice(0, flagLimits.nameLength)}' is no key of a flag`);
  }
  const types = new Set(Object.values(variants).map(typeOfValue));
  if (types.size !== 1 || types.has(null)) note(`${place}.variants`, 'must be of one type');
  if (Object.keys(variants).length > flagLimits.variants) {
    note(`${place}.variants`, `more than ${flagLimits.variants}`);
  }
  if (targeting.length > flagLimits.rules) {
    note(`${place}.targeting`, `more than ${flagLimits.rules}`);
  }
  const named = targeting.flatMap(({ serve }) =>
    serve.kind === 'variant' ? [serve.variant] : serve.shares.map(({ variant }) => variant),
  );
  for (const variant of new Set([defaultVariant, ...named])) {
    if (!Object.hasOwn(variants, variant)) note(place, `there is no variant '${variant}'`);
  }
  for (const [index, { when, serve }] of targeting.entries()) {
    const values = when.reduce((count, each) => count + each.values.length, 0);
    if (values > flagLimits.conditions * flagLimits.values) {
      note(`${place}.targeting[${index}].when`, 'has too many values');
    }
    if (serve.kind === 'variant') continue;
    const permille = serve.shares.reduce((sum, each) => sum + Math.round(each.percent * 10), 0);
    if (permille !== 1000) {
      note(`${place}.targeting[${index}].split`, `must sum to 100, but is ${permille / 10}`);
    }
  }
}
