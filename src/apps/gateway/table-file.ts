import { readFile } from 'node:fs/promises';
import { parseRouteTable } from '../../adapters/gateway/control-message.ts';
import { replaceFile } from '../../adapters/gateway/gateway-file.ts';
import { checkRouteTable } from '../../domain/traffic/routing/check-route-table.ts';
import type { RouteTable } from '../../domain/traffic/routing/route-table.ts';

/**
 * The last table, kept so that a gateway serves again before any server is there. Survives the process, not
 * the machine: it is not forced to the disk, since the instances it names would be gone as well.
 */
export class TableFile {
  readonly #path: string;
  #turn: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Null: there is none, or none of use; `onUnusable` hears why. */
  async read(onUnusable: (reason: string) => void): Promise<RouteTable | null> {
    let json: string;
    try {
      json = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const parsed = parseRouteTable(json);
    if (parsed.kind === 'malformed') {
      onUnusable(parsed.reason);
      return null;
    }
    const [problem] = checkRouteTable(parsed.message);
    if (problem === undefined) return parsed.message;
    onUnusable(`${problem.place} ${problem.message}`);
    return null;
  }

  /** Resolves when the table is in the file. Tables are written one after the other, in the order of the calls. */
  write(table: RouteTable): Promise<void> {
    const turn = this.#turn.then(() => replaceFile(this.#path, JSON.stringify(table)));
    // The caller hears of a failure; the next table is written all the same.
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
