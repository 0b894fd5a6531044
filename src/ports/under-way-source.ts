/**
 * How many requests instances have under way now, as the router sees it.
 *
 * - Of now, up to some tenths of a second old. Who is not in it has none.
 * - Null: nobody knows, as the router can't be heard.
 */
export interface UnderWaySource {
  /** By instance id; all above 0. */
  readonly underWay: ReadonlyMap<string, number> | null;
}
