import { type Command, Option } from 'commander';

import type { AuditOptions } from '../actions/audit.ts';
import type { BacktestOptions } from '../actions/backtest.ts';
import type { ReplayOptions } from '../actions/replay.ts';
import type { VerifyOptions } from '../actions/verify.ts';
import { parseSince } from '../since.ts';
import type { Frame } from '../program.ts';
import { outputOption, withExamples } from './command-parts.ts';

export function addEvidenceCommands(program: Command, frame: Frame): void {
  addVerify(program, frame);
  addAudit(program, frame);
  addReplay(program, frame);
  addBacktest(program, frame);
}

function addVerify(program: Command, frame: Frame): void {
  const verify = program
    .command('verify')
    .summary('check an exported ledger, without a server')
    .description(
      'Checks every entry of an exported ledger: the chain of hashes and each signature. Without a file, the ledger is fetched from the server first.',
    )
    .argument('[file]', 'exported ledger')
    .option('--key <id>', 'id of the key that must have signed it')
    .option('--save <path>', 'keep what was fetched from the server in this file')
    .option(
      '--with-inputs',
      'with --save: also keep, in <path>.inputs, what the entries were decided from',
    )
    .addOption(outputOption(['json', 'yaml']))
    .action((file: string | undefined, options: VerifyOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/verify.ts')).verify(session, file ?? null, options),
      ),
    );
  withExamples(
    verify,
    'tidegate verify --save ledger.jsonl --with-inputs',
    'tidegate verify ledger.jsonl',
  );
}

function addAudit(program: Command, frame: Frame): void {
  const time = (flags: string, meaning: string): Option =>
    new Option(flags, meaning).argParser((text: string) => parseSince(text, Date.now()));
  const command = program
    .command('audit')
    .summary('list who did what, when and why')
    .description(
      'Lists the entries of a ledger, which is verified first, by person, service and time: who did what, when and why, with the hash of each entry. From the server, or from an exported ledger without one. The CSV is that of RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe.',
    )
    .option('--person <name>', 'only what this person did')
    .option('--service <name>', 'only entries about this service')
    .addOption(time('--since <when>', 'only entries since: 24h, 30d or a date'))
    .addOption(time('--until <when>', 'only entries until: 24h (ago) or a date'))
    .addOption(
      new Option(
        '--ledger <file>',
        'read an exported ledger, without a server: tidegate verify --save',
      ),
    )
    .option('--key <id>', 'id of the key that must have signed the ledger')
    .addOption(outputOption(['table', 'csv', 'json']))
    .action((options: AuditOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/audit.ts')).audit(session, options),
      ),
    );
  withExamples(
    command,
    'tidegate audit --person ana --since 30d',
    'tidegate audit --service checkout --output csv > checkout.csv',
    'tidegate audit --ledger ledger.jsonl -o json',
  );
}

function addReplay(program: Command, frame: Frame): void {
  const replay = program
    .command('replay')
    .summary('decide a recorded rollout again and compare')
    .description(
      'Runs the recorded events of a rollout, samples and all, through the decider again and compares each decision with the one in the ledger. Exit code 0: all are the same, byte for byte, 1: one differs.',
    )
    .argument('<rollout>', 'id of a rollout: its service and number')
    .addOption(ledgerOption())
    .option('--key <id>', 'with --ledger: id of the key that must have signed it')
    .addOption(outputOption(['json', 'yaml']))
    .action((rollout: string, options: Omit<ReplayOptions, 'version'>) =>
      frame.perform(async (session) => {
        const { replay } = await import('../actions/replay.ts');
        return replay(session, rollout, { ...options, version: frame.version });
      }),
    );
  withExamples(
    replay,
    'tidegate replay checkout-2',
    'tidegate replay checkout-2 --ledger ledger.jsonl',
  );
}

function addBacktest(program: Command, frame: Frame): void {
  const backtest = program
    .command('backtest')
    .summary('say what another policy would have decided')
    .description(
      'Runs the recorded samples of every finished rollout through the gate again, with the settings of a policy, and says what it would have decided, when, and at what cost in failed requests; and what cannot be known, because the recorded traffic had other shares or had ended. A policy is a release file, of which gate and objectives count for the service of each document, or a document of kind Policy, for every service.',
    )
    .requiredOption('--policy <file>', 'release file, or a document of kind Policy')
    .option('--service <name>', 'only rollouts of this service')
    .option('--rollout <id>', 'only this rollout')
    .addOption(
      new Option('--since <when>', 'only rollouts that began since: 24h, 30d or a date').argParser(
        (text: string) => parseSince(text, Date.now()),
      ),
    )
    .option('--peers', 'also compute what fixed thresholds of other tools would have done')
    .addOption(ledgerOption())
    .option('--key <id>', 'id of the key that must have signed the ledger')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: BacktestOptions) =>
      frame.perform(async (session) =>
        (await import('../actions/backtest.ts')).backtest(session, options),
      ),
    );
  withExamples(
    backtest,
    'tidegate backtest --policy release.yaml',
    'tidegate backtest --policy stricter.yaml --service checkout --since 30d --peers',
    'tidegate backtest --policy stricter.yaml --ledger ledger.jsonl -o json',
  );
}

function ledgerOption(): Option {
  return new Option(
    '--ledger <file>',
    'read an exported ledger with its inputs beside it, without a server',
  );
}
