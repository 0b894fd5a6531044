import { Command } from 'commander';

import { addApprovalCommands } from './commands/approval-commands.ts';
import { addCacheCommands } from './commands/cache-commands.ts';
import { addBackupCommands } from './commands/backup-commands.ts';
import { addCaCommands } from './commands/ca-commands.ts';
import { addCompletionCommands } from './commands/completion-commands.ts';
import { addEvidenceCommands } from './commands/evidence-commands.ts';
import { addFaultCommands } from './commands/fault-commands.ts';
import { addFlagCommands } from './commands/flag-commands.ts';
import { addLedgerCommands } from './commands/ledger-commands.ts';
import { addPolicyCommands } from './commands/policy-commands.ts';
import { addReadCommands } from './commands/read-commands.ts';
import { addReleaseCommands } from './commands/release-commands.ts';
import { addReportCommands } from './commands/report-commands.ts';
import { addRestartCommand } from './commands/restart-command.ts';
import { addRolloutCommands } from './commands/rollout-commands.ts';
import { addServerCommands } from './commands/server-commands.ts';
import { addTokenCommands } from './commands/token-commands.ts';
import { addTrafficCommands } from './commands/traffic-commands.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Session } from './session.ts';

/** What a command does. Its code is imported when it runs, so that `--help` loads none of it. */
export type Task = (session: Session) => Promise<ExitCode>;

export interface Frame {
  readonly version: string;
  /** Opens the session from the global options, runs the task and keeps its exit code. */
  readonly perform: (task: Task) => Promise<void>;
}

/** The tree of all commands. Help, completion and docs/guides/cli.md are made from it. */
export function buildProgram(frame: Frame): Command {
  const program = new Command('tidegate')
    .description(
      'Moves real traffic to a new revision step by step, judges it, and takes it back when it is worse.',
    )
    .version(frame.version, '--version', 'print the version')
    .option('--state <dir>', 'state folder of the server (default: TIDEGATE_STATE)')
    .option('--no-color', 'never use colours')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help of a command')
    .exitOverride()
    .addHelpText('after', firstSteps);
  addServerCommands(program, frame);
  addReleaseCommands(program, frame);
  addReadCommands(program, frame);
  addRolloutCommands(program, frame);
  addRestartCommand(program, frame);
  addApprovalCommands(program, frame);
  addEvidenceCommands(program, frame);
  addLedgerCommands(program, frame);
  addTokenCommands(program, frame);
  addCaCommands(program, frame);
  addBackupCommands(program, frame);
  addReportCommands(program, frame);
  addTrafficCommands(program, frame);
  addFaultCommands(program, frame);
  addCacheCommands(program, frame);
  addPolicyCommands(program, frame);
  addFlagCommands(program, frame);
  addCompletionCommands(program, frame);
  pointToHelp(program, program.name());
  return program;
}

/** After a mistake in a command, its own help is what one needs next. */
function pointToHelp(command: Command, words: string): void {
  command.showHelpAfterError(`Try: ${words} --help`);
  for (const each of command.commands) pointToHelp(each, `${words} ${each.name()}`);
}

const firstSteps = `
First steps:
  tidegate up                        start the server and the gateway
  tidegate apply -f release.yaml     start the services of a release file
  tidegate status --watch            see them
  tidegate down                      stop everything

Exit codes: 0 done, 1 failed or rolled back, 2 usage, 4 waits for a person, 5 timeout,
99 invalid load, 130 Ctrl-C.`;
