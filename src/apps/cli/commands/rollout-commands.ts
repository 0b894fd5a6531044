import type { Command } from 'commander';

import type { Operation, RolloutStatusOptions } from '../actions/operate.ts';
import type { DataFormat } from '../data-format.ts';
import type { Frame } from '../program.ts';
import { outputOption, reasonOption, timeoutOption, withExamples } from './command-parts.ts';

interface Verb {
  readonly name: 'pause' | 'resume' | 'abort' | 'retry';
  readonly summary: string;
  readonly description: string;
}

const verbs: readonly Verb[] = [
  {
    name: 'pause',
    summary: 'hold the rollout where it is',
    description: 'Holds the rollout at its weight. The gate goes on judging and still rolls back.',
  },
  { name: 'resume', summary: 'go on after a pause', description: 'Lets a paused rollout go on.' },
  {
    name: 'abort',
    summary: 'give all traffic back to stable',
    description: 'Ends the rollout: all traffic goes back to the stable revision at once.',
  },
  {
    name: 'retry',
    summary: 'roll the last revision out once more',
    description: 'Starts the rollout again that was rolled back last.',
  },
];

export function addRolloutCommands(program: Command, frame: Frame): void {
  const rollout = program
    .command('rollout')
    .summary('see and steer the rollout of a service')
    .description('See and steer the rollout of a service.');
  addStatus(rollout, frame);
  addPromote(rollout, frame);
  for (const verb of verbs) addVerb(rollout, frame, verb);
  addUndo(rollout, frame);
  addHistory(rollout, frame);
}

function addStatus(rollout: Command, frame: Frame): void {
  const status = rollout
    .command('status')
    .summary('follow the rollout to its end')
    .description(
      'Follows the newest rollout. Exit code 0: promoted, 1: rolled back, 4: waits for a person, 5: the time is over.',
    )
    .argument('<service>', 'name of a service')
    .option('--no-watch', 'only say how it stands')
    .addOption(timeoutOption('how long at most (default: no limit)'))
    .action((service: string, options: RolloutStatusOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/operate.ts')).rolloutStatus(session, service, options),
      ),
    );
  withExamples(status, 'tidegate rollout status checkout --timeout 10m');
}

function addPromote(rollout: Command, frame: Frame): void {
  const promote = rollout
    .command('promote')
    .summary('go to the next step, or with --full to the end')
    .description(
      'Approves the step that waits, or goes to the next one. With --full the candidate takes over at once, without further steps. A step that asks for signed approvals is passed by `tidegate approve`, or in an emergency with --override, which the ledger keeps as such.',
    )
    .argument('<service>', 'name of a service')
    .option('--full', 'skip the steps that are left')
    .option('--override', 'past signed approvals that are missing; needs --reason')
    .addOption(reasonOption())
    .action((service: string, { full, override, reason }: PromoteOptions) => {
      const action = full === true ? 'promote-full' : 'promote';
      return send(frame, service, { action, override, reason });
    });
  withExamples(
    promote,
    'tidegate rollout promote checkout',
    'tidegate rollout promote checkout --full --reason "fix must go out"',
    'tidegate rollout promote checkout --override --reason "outage, nobody else is awake"',
  );
}

interface PromoteOptions {
  readonly full?: boolean;
  readonly override?: boolean;
  readonly reason?: string;
}

function addVerb(rollout: Command, frame: Frame, verb: Verb): void {
  const command = rollout
    .command(verb.name)
    .summary(verb.summary)
    .description(verb.description)
    .argument('<service>', 'name of a service')
    .addOption(reasonOption())
    .action((service: string, { reason }: { reason?: string }) =>
      send(frame, service, { action: verb.name, reason }),
    );
  withExamples(command, `tidegate rollout ${verb.name} checkout`);
}

function addUndo(rollout: Command, frame: Frame): void {
  const undo = rollout
    .command('undo')
    .summary('go back to an earlier revision')
    .description(
      'Goes back to the revision before, or to any earlier one, which still can be judged.',
    )
    .argument('<service>', 'name of a service')
    .option('--to <revision>', 'id or version of the revision (default: the one before)')
    .addOption(reasonOption())
    .action((service: string, { to, reason }: { to?: string; reason?: string }) =>
      send(frame, service, { action: 'undo', toRevision: to, reason }),
    );
  withExamples(undo, 'tidegate rollout undo checkout --to v1');
}

function addHistory(rollout: Command, frame: Frame): void {
  const history = rollout
    .command('history')
    .summary('list the rollouts that are over')
    .description('Lists the rollouts of a service that are over, and how each ended.')
    .argument('<service>', 'name of a service')
    .addOption(outputOption(['json', 'yaml']))
    .action((service: string, options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/operate.ts')).rolloutHistory(session, service, options),
      ),
    );
  withExamples(history, 'tidegate rollout history checkout');
}

function send(frame: Frame, service: string, operation: Operation): Promise<void> {
  return frame.perform(async (session) =>
    (await import('../actions/operate.ts')).operate(session, service, operation),
  );
}
