/**
 * The arrows and bans of ARCHITECTURE.md, held by reading the sources. Each guard is shown to work by violations planted
 * into its input.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, extname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

interface Source {
  /** Below the project's root, as `src/domain/gate/gate.ts`. */
  readonly path: string;
  readonly text: string;
}

/** What each floor may import of the others. Itself is always allowed, but for adapters: none knows another. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: ['domain'],
  control: ['ports', 'domain'],
  adapters: ['ports', 'domain'],
  api: [],
  apps: ['api', 'control', 'adapters', 'ports', 'domain'],
};

/** The only packages a floor may use; unlisted floors may use any. */
const packagesAllowed: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: [],
  control: ['node:zlib', 'node:events'],
  api: ['yaml', 'zod'],
};

/** Digests and signature checks are pure functions of their input; nothing else of a package enters the domain. */
const cryptoAllowed = new Set(['createHash', 'createPublicKey', 'verify', 'hash', 'KeyObject']);

const browserPackages =
  /^(react|react-dom|wouter|uplot|elkjs|@tanstack\/react-virtual|@xyflow\/react|@noble\/post-quantum)(\/|$)/;

const ambientBans: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Date', /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(|\bDate\s*\(/],
  ['Math.random', /\bMath\s*\.\s*random\b/],
  ['performance', /\bperformance\s*\./],
  ['process', /\bprocess\s*\./],
  ['console', /\bconsole\s*\./],
  ['timers', /\bset(Timeout|Interval|Immediate)\s*\(|\bqueueMicrotask\s*\(/],
  ['network', /\bfetch\s*\(|\bnew\s+WebSocket\b/],
  ['globalThis', /\bglobalThis\b/],
  ['crypto', /\bcrypto\s*\.\s*(?:random|get|subtle)/],
];

test('imports follow the arrows', () => {
  assert.deepEqual(sources('src').flatMap(arrowProblems), []);
});

test('an import against the arrows is found', () => {
  const planted: readonly (readonly [path: string, statement: string])[] = [
    ['src/domain/gate/x.ts', `import { a } from '../../ports/clock.ts';`],
    ['src/domain/gate/x.ts', `import type { A } from '../../control/loop.ts';`],
    ['src/domain/gate/x.ts', `import { readFile } from 'node:fs/promises';`],
    ['src/domain/gate/x.ts', `import { z } from 'zod';`],
    ['src/domain/gate/x.ts', `import { createHash } from 'node:crypto';`],
    ['src/domain/evidence/x.ts', `import { randomBytes } from 'node:crypto';`],
    ['src/domain/gate/x.ts', `export { a } from '../../apps/cli/main.ts';`],
    ['src/domain/gate/x.ts', `const a = await import('../../adapters/memory/m.ts');`],
    ['src/ports/x.ts', `import { a } from '../adapters/memory/m.ts';`],
    ['src/control/x.ts', `import { a } from '../adapters/memory/m.ts';`],
    ['src/control/x.ts', `import { a } from '../api/wire.ts';`],
    ['src/adapters/gateway/x.ts', `import { a } from '../sqlite/s.ts';`],
    ['src/adapters/gateway/x.ts', `import { a } from '../../api/wire.ts';`],
    ['src/api/x.ts', `import { a } from '../domain/gate/gate.ts';`],
    ['src/api/x.ts', `import { readFile } from 'node:fs';`],
    ['src/apps/cli/x.ts', `import { a } from '../server/server.ts';`],
    ['src/domain/gate/x.ts', `import { a } from './y';`],
    ['src/domain/gate/x.ts', `import './no-extension-at-all';`],
  ];
  for (const [path, text] of planted) {
    assert.notDeepEqual(arrowProblems({ path, text }), [], `${path}: ${text}`);
  }
});

test('imports along the arrows are not complained about', () => {
  const fine: readonly (readonly [path: string, statement: string])[] = [
    ['src/domain/gate/x.ts', `import { a } from '../traffic/b.ts';`],
    ['src/domain/evidence/x.ts', `import { createHash, verify } from 'node:crypto';`],
    ['src/adapters/gateway/x.ts', `import { a } from './y.ts';\nimport p from 'undici';`],
    ['src/apps/cli/x.ts', `const { a } = await import('../../api/wire.ts');`],
  ];
  for (const [path, text] of fine) assert.deepEqual(arrowProblems({ path, text }), []);
});

test('the auditor’s program imports the evidence part of the domain and Node, nothing else', () => {
  assert.deepEqual(auditorProblems(sources('src')), []);
  assert.ok(auditorFiles(sources('src')).includes('src/domain/evidence/merkle-proof.ts'));
});

test('an import that the auditor’s program may not have is found, also one of what it imports', () => {
  const main = 'src/apps/verify/x.ts';
  const planted: readonly (readonly [path: string, statement: string][])[] = [
    [[main, `import { a } from '../../domain/release/decide.ts';`]],
    [[main, `import { a } from '../../adapters/sqlite/s.ts';`]],
    [[main, `import { a } from '../cli/main.ts';`]],
    [[main, `import { z } from 'zod';`]],
    [[main, `const { a } = await import('../../control/loop.ts');`]],
    [
      [main, `import { a } from '../../domain/evidence/y.ts';`],
      ['src/domain/evidence/y.ts', `import { b } from '../gate/gate.ts';`],
    ],
  ];
  for (const files of planted) {
    const found = files.map(([path, text]) => ({ path, text }));
    assert.equal(auditorProblems(found).length, 1, files.map(([, text]) => text).join());
  }
  const fine = `import { hash } from 'node:crypto';\nimport { a } from '../../domain/evidence/y.ts';`;
  assert.deepEqual(auditorProblems([{ path: main, text: fine }]), []);
});

test('the console imports itself, the API and packages for browsers, nothing else', () => {
  const console = sources('src/apps/console');
  assert.ok(console.length > 10);
  assert.deepEqual(console.flatMap(consoleProblems), []);
});

test('an import that a browser could not follow, or may not, is found', () => {
  const planted = [
    `import { a } from '../../domain/gate/gate.ts';`,
    `import type { A } from '../server/server.ts';`,
    `import { rolloutSchema } from '../../api/wire.ts';`,
    `import { readFile } from 'node:fs';`,
    `import { z } from 'zod';`,
    `const { z } = await import('zod');`,
  ];
  for (const text of planted) {
    assert.equal(consoleProblems({ path: 'src/apps/console/x.tsx', text }).length, 1, text);
  }
  const fine = [
    `import type { A } from '../../api/wire.ts';`,
    `import { a } from '../../api/client/b.ts';`,
    `import type { z } from 'zod';`,
    `import { useState } from 'react';\nimport './style/tokens.css';\nimport { a } from './b.tsx';`,
  ];
  for (const text of fine) {
    assert.deepEqual(consoleProblems({ path: 'src/apps/console/x.tsx', text }), []);
  }
});

test('domain and ports know no clock, chance, environment, network or log', () => {
  const pure = [...sources('src/domain'), ...sources('src/ports')].filter(
    ({ path }) => !/\.(test|contract)\.ts$/.test(path),
  );
  assert.ok(pure.length > 20);
  assert.deepEqual(pure.flatMap(ambientProblems), []);
});

test('each ambient ban finds its planted violation, and not in comments or texts', () => {
  const planted = [
    'const now = Date.now();',
    'const d = new Date();',
    'const r = Math.random();',
    'const t = performance.now();',
    `const e = process.env['HOME'];`,
    `console.log('x');`,
    'setTimeout(() => {}, 1);',
    `await fetch('http://127.0.0.1');`,
    `globalThis.x = 1;`,
    'crypto.randomUUID();',
  ];
  assert.equal(planted.length, ambientBans.length + 1);
  for (const text of planted) {
    assert.notDeepEqual(ambientProblems({ path: 'src/domain/x.ts', text }), [], text);
  }
  const innocent =
    '// Date.now() is banned\n/** console.log */\nconst a = "process.env is banned";';
  assert.deepEqual(ambientProblems({ path: 'src/domain/x.ts', text: innocent }), []);
});

test('every route of the API says which action it is', () => {
  const routes = sources('src/apps/server').filter(({ path }) =>
    /\/http-[\w-]+-routes\.ts$/.test(path),
  );
  assert.ok(routes.length > 5);
  assert.deepEqual(routes.flatMap(namelessRoutes), []);
  const planted = `http.get('/v1/x', { schema: { response: {} } }, async () => ({}));`;
  assert.deepEqual(namelessRoutes({ path: 'x', text: planted }), ["x: '/v1/x'"]);
  const fine = `http.get(\n  '/v1/x',\n  { config: ofServer('server:read') }, async () => ({}));`;
  assert.deepEqual(namelessRoutes({ path: 'x', text: fine }), []);
});

/** The server itself refuses to start with one; this only says so sooner. */
function namelessRoutes({ path, text }: Source): string[] {
  const calls = text.matchAll(/\bhttp\.(?:get|post|put|patch|delete)\(\s*('[^']+'),\s*\{\s*(\w+)/g);
  return [...calls].flatMap(([, route, first]) =>
    first === 'config' ? [] : [`${path}: ${route}`],
  );
}

test('no folder is named for having no idea, and no file is a barrel', () => {
  const bad = /(^|\/)(utils?|common|helpers?|misc|lib|shared)(\/|$)|\/index\.ts$/;
  assert.deepEqual(
    sources('src').filter(({ path }) => bad.test(path)),
    [],
  );
  assert.ok(bad.test('src/utils/x.ts') && bad.test('src/domain/index.ts'));
});

test('package.json has at most ten scripts, exact versions and no install scripts but node', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Record<string, string>;
    readonly dependencies: Record<string, string>;
    readonly devDependencies: Record<string, string>;
  };
  assert.ok(Object.keys(manifest.scripts).length <= 10);
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const exact = /^(npm:[@\w/-]+@)?\d+\.\d+\.\d+$/;
  assert.deepEqual(
    versions.filter(([, version]) => !exact.test(version)),
    [],
  );
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Record<string, { readonly hasInstallScript?: boolean }>;
  };
  const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  assert.deepEqual(
    scripted.map(([path]) => path),
    ['node_modules/node'],
  );
});

test('the lockfile has every package that another one may want, so that npm ci accepts it', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  assert.deepEqual(unlockedPackages(lock), []);
  assert.doesNotMatch(lock, /"resolved"/);
  const planted = { packages: { 'node_modules/a': { optionalDependencies: { b: '1.0.0' } } } };
  assert.deepEqual(unlockedPackages(JSON.stringify(planted)), ['b']);
});

test('every runtime dependency has its reason in docs/decisions', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Record<string, string>;
  };
  const decisions = sources('docs/decisions', ['.md'])
    .map(({ text }) => text)
    .join('\n');
  const unexplained = Object.keys(manifest.dependencies).filter(
    (name) => !decisions.includes(`\`${name}\``),
  );
  assert.deepEqual(unexplained, []);
});

/** Optional packages of other platforms are left out silently when the registry doesn't have them (yet). */
function unlockedPackages(lock: string): string[] {
  const { packages } = JSON.parse(lock) as {
    readonly packages: Record<string, { readonly optionalDependencies?: Record<string, string> }>;
  };
  return Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => packages[`node_modules/${name}`] === undefined);
}

function sources(folder: string, extensions: readonly string[] = ['.ts', '.tsx']): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.includes(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function arrowProblems(source: Source): string[] {
  const isTest = /\.(test|contract|fixture)\.ts$/.test(source.path);
  const clean = withoutComments(source.text);
  return importsOf(clean).flatMap(({ from, names }) => {
    const problem = from.startsWith('.')
      ? isTest && /\/adapters\/(memory|system)\//.test(from)
        ? null // Tests of the loop run it over the memory adapters.
        : relativeProblem(source.path, from)
      : packageProblem(source.path, { from, names, isTest });
    return problem === null ? [] : [`${source.path}: ${problem}`];
  });
}

/** The files the auditor's program consists of, its imports and theirs included. */
function auditorFiles(all: readonly Source[]): string[] {
  const byPath = new Map(all.map((source) => [source.path, source]));
  const own = all.map(({ path }) => path).filter(isAuditors);
  const files = new Set(own);
  for (const path of files) {
    const source = byPath.get(path);
    if (source === undefined) continue;
    for (const { from } of importsOf(withoutComments(source.text))) {
      if (from.startsWith('.')) files.add(normalize(join(dirname(path), from)));
    }
  }
  return [...files];
}

function auditorProblems(all: readonly Source[]): string[] {
  const byPath = new Map(all.map((source) => [source.path, source]));
  return auditorFiles(all).flatMap((path) => {
    if (!/^src\/(apps\/verify|domain\/evidence)\//.test(path)) return [`it imports ${path}`];
    const imports = importsOf(withoutComments(byPath.get(path)?.text ?? ''));
    return imports
      .filter(
        ({ from }) => !from.startsWith('.') && !builtinModules.includes(from.replace(/^node:/, '')),
      )
      .map(({ from }) => `${path} imports the package ${from}`);
  });
}

function isAuditors(path: string): boolean {
  return path.startsWith('src/apps/verify/') && !/\.(test|fixture)\.ts$/.test(path);
}

/** What runs in a browser: of the API its types, which are gone by then, and its client. */
function consoleProblems({ path, text }: Source): string[] {
  if (/\.test\.ts$|\/vite\.config\.ts$|\/console\/build\//.test(path)) return [];
  return importsOf(withoutComments(text)).flatMap(({ from, names }) => {
    const isType = names.startsWith('type ');
    const target = normalize(join(dirname(path), from));
    const isFine = from.startsWith('.')
      ? target.startsWith('src/apps/console/') ||
        target.startsWith('src/api/client/') ||
        (target.startsWith('src/api/') && isType)
      : browserPackages.test(from) || (from === 'zod' && isType);
    return isFine ? [] : [`${path} imports ${from}`];
  });
}

function relativeProblem(path: string, from: string): string | null {
  if (!/\.(tsx?|js|json|css)$/.test(from)) return `${from} has no extension`;
  const target = normalize(join(dirname(path), from)).split('/');
  const [, floor = '', part] = path.split('/');
  const [, targetFloor = '', targetPart] = target;
  if (target[0] !== 'src') return null;
  if (floor === targetFloor) {
    const isAcross = (floor === 'adapters' || floor === 'apps') && part !== targetPart;
    return isAcross ? `${floor}/${part} imports ${floor}/${targetPart}` : null;
  }
  return arrows[floor]?.includes(targetFloor) === true ? null : `${floor} imports ${targetFloor}`;
}

function packageProblem(
  path: string,
  what: { readonly from: string; readonly names: string; readonly isTest: boolean },
): string | null {
  const { from, names, isTest } = what;
  const floor = path.split('/')[1] ?? '';
  const allowed = packagesAllowed[floor];
  if (allowed === undefined || allowed.includes(from) || isTest) return null;
  const isBuiltin = builtinModules.includes(from.replace(/^node:/, ''));
  if (from === 'node:crypto' && path.startsWith('src/domain/evidence/')) {
    const taken = names.replaceAll(/[{}]|\btype\b/g, '').split(',');
    const strange = taken
      .map((each) => each.trim())
      .filter((each) => each !== '' && !cryptoAllowed.has(each));
    return strange.length === 0 ? null : `${strange.join(', ')} of node:crypto is not pure`;
  }
  return `${floor} imports ${isBuiltin ? 'the built-in' : 'the package'} ${from}`;
}

interface Import {
  readonly from: string;
  readonly names: string;
}

function importsOf(text: string): Import[] {
  const statements =
    /(?:^|\n|;)\s*(?:import|export)\s+(?:(?<names>[\w*{][^'";]*?)\s+from\s+)?['"](?<from>[^'"]+)['"]/g;
  const calls = /\bimport\s*\(\s*['"](?<from>[^'"]+)['"]/g;
  return [...text.matchAll(statements), ...text.matchAll(calls)].map(({ groups }) => ({
    from: groups?.['from'] ?? '',
    names: groups?.['names'] ?? '',
  }));
}

function ambientProblems({ path, text }: Source): string[] {
  const code = withoutTexts(withoutComments(text));
  return ambientBans
    .filter(([, pattern]) => pattern.test(code))
    .map(([name]) => `${path} uses ${name}`);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, ' ').replaceAll(/(^|\s)\/\/[^\n]*/g, '$1');
}

function withoutTexts(text: string): string {
  return text.replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''");
}
