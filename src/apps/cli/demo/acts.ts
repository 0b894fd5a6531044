/** What is released in the demo, in this order, and what has to come of it. */
export interface Act {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly about: string;
  readonly expected: 'promoted' | 'rolled-back';
  /** Whether the server is killed in the middle of it. */
  readonly killsServer: boolean;
}

export const acts: readonly Act[] = [
  {
    file: 'checkout-v2.yaml',
    from: 'v1',
    to: 'v2',
    about: 'healthy; the server is killed on the way',
    expected: 'promoted',
    killsServer: true,
  },
  {
    file: 'checkout-v3.yaml',
    from: 'v2',
    to: 'v3',
    about: 'fails 5 % of its requests',
    expected: 'rolled-back',
    killsServer: false,
  },
  {
    file: 'checkout-v4.yaml',
    from: 'v2',
    to: 'v4',
    about: 'dead: fails every request',
    expected: 'rolled-back',
    killsServer: false,
  },
];

/** The service they are releases of. */
export const actService = 'checkout';
