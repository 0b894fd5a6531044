/** Every interval and bound of the local platform. Tests shorten them; the defaults stand in one table below. */
export interface LocalProcessSettings {
  /** Between two readiness probes until the instance was ready once. */
  readonly startingProbeIntervalMs: number;
  /** As the one before, where requests may wait for the instance; not of a probe that starts a command. */
  readonly awaitedProbeIntervalMs: number;
  /** Between two probes after that, start to start. */
  readonly probeIntervalMs: number;
  /** An answer later than this is none. */
  readonly probeTimeoutMs: number;
  /** Failed readiness probes in a row that make a ready instance unready; one success makes it ready again. */
  readonly unreadyAfterFailures: number;
  /** Failed liveness probes in a row after which the process group is killed and started again. */
  readonly deadAfterFailures: number;
  /** Pause before the first restart; it doubles with each crash in a row. */
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** A process that lived this long had a good life: its crash is the first in a row again. */
  readonly goodLifeMs: number;
  /** Between two looks at CPU, memory and the size of the logs. */
  readonly sampleIntervalMs: number;
  /** Between two looks at the memory of those whose limit no cgroup holds. */
  readonly limitCheckIntervalMs: number;
  /** Between two looks whether a process group is gone. */
  readonly goneCheckIntervalMs: number;
  /** How long the kernel may take to remove a group after SIGKILL before `stop` fails. */
  readonly killWaitMs: number;
  /** How long a process that failed a probe may be waited for until nothing is sent to it any more, at most. */
  readonly withdrawMaxMs: number;
  readonly logPollIntervalMs: number;
  /** A log file longer than this is rotated; one old generation is kept. */
  readonly logSizeMaxBytes: number;
  /** Instances of one service, already gone, whose logs are kept. */
  readonly goneInstancesKept: number;
  /**
   * Ports given out, both ends included. The default lies below Linux's default range for outgoing connections
   * (32768-60999, ip(7) ip_local_port_range), so no connection of anyone takes one by accident.
   */
  readonly portFirst: number;
  readonly portLast: number;
}

export const LOCAL_PROCESS_DEFAULTS: LocalProcessSettings = {
  startingProbeIntervalMs: 100,
  awaitedProbeIntervalMs: 20,
  probeIntervalMs: 1_000,
  probeTimeoutMs: 1_000,
  unreadyAfterFailures: 2,
  deadAfterFailures: 3,
  // A candidate that dies after 5 s is started after 0, 6, 13, 22, 35, 56 s: its restarts count as evidence quickly,
  // and a hopeless one costs a start in half a minute.
  backoffFirstMs: 1_000,
  backoffMaxMs: 30_000,
  goodLifeMs: 60_000,
  sampleIntervalMs: 1_000,
  limitCheckIntervalMs: 100,
  goneCheckIntervalMs: 25,
  killWaitMs: 5_000,
  withdrawMaxMs: 10_000,
  logPollIntervalMs: 100,
  logSizeMaxBytes: 10 * 1_024 * 1_024,
  goneInstancesKept: 20,
  portFirst: 21_000,
  portLast: 28_999,
};
