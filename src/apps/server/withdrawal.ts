import type { ControlLoop } from '../../control/loop/loop.ts';

/** Takes an instance out of the traffic for the platform, which is open before there is a loop. */
export class Withdrawal {
  #loop: Pick<ControlLoop, 'withdraw'> | null = null;

  attach(loop: Pick<ControlLoop, 'withdraw'>): void {
    this.#loop = loop;
  }

  /** Before there is a loop the router has the table of an earlier server: nothing can be done about it. */
  async of(instanceId: string, signal: AbortSignal): Promise<void> {
    await this.#loop?.withdraw(instanceId, signal);
  }
}
