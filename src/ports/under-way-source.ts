/**
 * How many requests instances have under way now, as the router sees it.
 *
 * - Of now, up to some tenths of a second old. Who is not in it has none.
 * - Null: nobody knows, as the router can't be heard.
 */
export interface UnderWaySource {
  /** By instance id; all above 0. By the id of a revision: requests that wait for its first instance. */
  readonly underWay: ReadonlyMap<string, number> | null;
  /** Set by whoever wants to hear of other numbers; called at once when requests begin to wait. */
  onUnderWay: () => void;
}
