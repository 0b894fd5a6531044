/** Which limit of a rule was passed, and how long it is. */
export interface OverLimit {
  readonly reason: 'timeout' | 'backend-timeout' | 'idle-timeout';
  readonly ms: number;
}

/** As it goes on after "instance x-1". */
export function overText({ reason, ms }: OverLimit): string {
  switch (reason) {
    case 'timeout':
      return `did not answer wholly within ${ms} ms, all attempts together`;
    case 'backend-timeout':
      return `did not answer wholly within ${ms} ms of the attempt`;
    case 'idle-timeout':
      return `sent and took nothing for ${ms} ms`;
  }
}
