/** How a router deals with requests for a revision that may be asleep: it has no instance, and a request brings one up. */
export interface WakeRule {
  /** A request waits so long for an instance at most. */
  readonly timeoutMs: number;
  /** So many requests wait at once at most, over all that serve together. */
  readonly requestsMax: number;
  /** Instances end again and again before they are ready: nobody waits for the next one. Absent: no. */
  readonly isFailing?: boolean;
}

/** Bounds of what a release file may ask for, and of what a router takes. */
export const wakeLimits = {
  timeoutMs: { least: 1_000, most: 600_000 },
  requestsMax: { least: 1, most: 100_000 },
} as const;

export const usualWake: WakeRule = { timeoutMs: 30_000, requestsMax: 1000 };
