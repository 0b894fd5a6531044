import type { Platform } from '../../ports/platform.ts';

/** The platform, with what the router says of its instances. */
export function withEjections(platform: Platform, ejected: () => ReadonlySet<string>): Platform {
  return {
    ensure: (revision, count, signal) => platform.ensure(revision, count, signal),
    replace: (revision, wanted, signal) => platform.replace(revision, wanted, signal),
    stop: (revision, signal) => platform.stop(revision, signal),
    logs: (query, signal) => platform.logs(query, signal),
    observe: async (signal) => {
      const instances = await platform.observe(signal);
      const ids = ejected();
      if (ids.size === 0) return instances;
      return instances.map((each) => (ids.has(each.id) ? { ...each, isEjected: true } : each));
    },
  };
}
