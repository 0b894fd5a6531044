/** The one table of exit codes; docs/guides/cli.md shows it and a test compares the two. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  waitingForPerson: 4,
  timeout: 5,
  invalid: 99,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ExitCodeMeaning {
  readonly code: ExitCode;
  readonly meaning: string;
}

export const exitCodeMeanings: readonly ExitCodeMeaning[] = [
  {
    code: exitCodes.ok,
    meaning: 'Done; for `rollout status` and `apply --wait`: promoted, stable.',
  },
  {
    code: exitCodes.error,
    meaning: 'Failed or refused; a rollout was rolled back; `diff`, `replay`: something differs.',
  },
  { code: exitCodes.usage, meaning: 'The command line is wrong; `diff`: could not compare.' },
  {
    code: exitCodes.waitingForPerson,
    meaning:
      'The rollout waits for a person: paused by hand, at a step that needs approval, or held by the gate.',
  },
  { code: exitCodes.timeout, meaning: 'The time given with `--timeout` is over.' },
  {
    code: exitCodes.invalid,
    meaning: '`load`: a threshold failed, or the measurement is invalid.',
  },
  { code: exitCodes.interrupted, meaning: 'Stopped by Ctrl-C (SIGINT).' },
  { code: exitCodes.terminated, meaning: 'Stopped by SIGTERM.' },
];
