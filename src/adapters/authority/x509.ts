import { webcrypto } from 'node:crypto';

/**
 * @peculiar/x509 is wired together by decorators, which want `Reflect.getMetadata` and its like to be there before it.
 * What they keep is a value by class and key; that is all of it here.
 */
const kept = new WeakMap<object, Map<string, unknown>>();

Object.assign(Reflect, {
  getOwnMetadata: (key: string, target: object) => kept.get(target)?.get(key),
  getMetadata: (key: string, target: object) => kept.get(target)?.get(key),
  defineMetadata: (key: string, value: unknown, target: object) => {
    const values = kept.get(target) ?? new Map<string, unknown>();
    kept.set(target, values.set(key, value));
  },
});

export const x509 = await import('@peculiar/x509');

/** Node's, which the package takes for a browser's. */
x509.cryptoProvider.set(webcrypto);
