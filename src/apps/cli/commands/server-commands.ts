import { type Command, InvalidArgumentError, Option } from 'commander';

import { workerCountOf } from '../../../adapters/gateway/worker-count.ts';

import type { DownOptions } from '../actions/down.ts';
import type { UpOptions } from '../actions/up.ts';
import type { DataFormat } from '../data-format.ts';
import type { Frame } from '../program.ts';
import { outputOption, timeoutOption, withExamples } from './command-parts.ts';

export function addServerCommands(program: Command, frame: Frame): void {
  const up = program
    .command('up')
    .summary('start the server and the gateway')
    .description(
      'Starts the server in the background and waits until it is ready. It starts the gateway, which user requests go through. Both listen on 127.0.0.1 only.',
    )
    .option('--listen <address>', 'address of the server', '127.0.0.1:7480')
    .option('--gateway-listen <address>', 'address of the gateway', '127.0.0.1:7400')
    .option(
      '--gateway-metrics <address>',
      "address of the gateway's metrics for Prometheus, or off",
      '127.0.0.1:7401',
    )
    .option('--otlp <url>', 'collector for spans of all requests, as http://HOST:4318/v1/traces')
    .option(
      '--redis-url-file <file>',
      'file (chmod 600) with the URL of a Redis that keeps rate limits for several gateways',
    )
    .option('--access-log <file>', 'log each request of the gateway as a line of JSON')
    .option('--access-log-sample <ratio>', 'log this share of what ended well, as 0.1')
    .option('--access-log-query', 'log queries, too; they often have secrets in them')
    .addOption(
      new Option(
        '--workers <count>',
        'processes of the gateway, or auto: one for each core (default: 1)',
      ).argParser(workers),
    )
    .option('--zone <name>', "the gateway's zone: it prefers instances there")
    .option(
      '--gateway-limit <name=number>',
      'what callers may take of the gateway, as connections=5000; may be repeated',
      (limit: string, before: readonly string[] | undefined) => [...(before ?? []), limit],
    )
    .option('--foreground', 'stay in the foreground, log to standard error')
    .addOption(timeoutOption('how long it may take until it is ready (default: 60s)'))
    .action((options: UpOptions) =>
      frame.perform(async (session) => (await import('../actions/up.ts')).up(session, options)),
    );
  addPartOptions(up);
  addAccessOption(up);
  addBlobOptions(up);
  addInstanceOptions(up);
  addEventOptions(up);
  addFlagOptions(up);
  addAccessOptions(up);
  withExamples(
    up,
    'tidegate up',
    'tidegate up --gateway-listen 127.0.0.1:8080',
    'tidegate up --otlp http://127.0.0.1:4318/v1/traces --access-log access.log',
    'tidegate up --workers auto',
    'tidegate up --store-url-file store-url',
    'tidegate up --tls-listen 127.0.0.1:7443 --tls-folder certs',
    'tidegate up --cdevents-sink https://events.example/in --cdevents-environment production',
  );
  addDown(program, frame);
  addVersion(program, frame);
}

function addDown(program: Command, frame: Frame): void {
  const down = program
    .command('down')
    .summary('stop the server, the gateway and all instances')
    .description(
      'Stops all instances in order, then the gateway and the server. What was applied stays recorded.',
    )
    .option('--keep-instances', 'stop only the server; traffic flows on')
    .addOption(timeoutOption('how long it may take (default: 2m)'))
    .action((options: DownOptions) =>
      frame.perform(async (session) => (await import('../actions/down.ts')).down(session, options)),
    );
  withExamples(down, 'tidegate down', 'tidegate down --keep-instances');
}

function addVersion(program: Command, frame: Frame): void {
  const version = program
    .command('version')
    .summary('print the versions of command line and server')
    .description('Prints the versions of the command line, of Node and of the running server.')
    .addOption(outputOption(['json', 'yaml']))
    .action((options: { output?: DataFormat }) =>
      frame.perform(async (session) =>
        (await import('../actions/version.ts')).version(session, frame.version, options),
      ),
    );
  withExamples(version, 'tidegate version -o json');
}

const sizeUnits: Readonly<Record<string, number>> = { MiB: 1024 ** 2, GiB: 1024 ** 3 };

function sizeBytes(text: string): number {
  const found = /^(\d{1,6})(MiB|GiB)$/.exec(text);
  if (found !== null) return Number(found[1]) * (sizeUnits[found[2] ?? ''] ?? 1);
  throw new InvalidArgumentError('must be a size, as 500MiB or 2GiB.');
}

function days(text: string): number {
  const found = /^([1-9]\d{0,4})d$/.exec(text);
  if (found !== null) return Number(found[1]);
  throw new InvalidArgumentError('must be a number of days, as 90d.');
}

function workers(text: string): string {
  if (workerCountOf(text) === null) throw new InvalidArgumentError('must be 1 to 64, or auto.');
  return text;
}

function addAccessOption(up: Command): void {
  up.addOption(
    new Option(
      '--default-authorization <access>',
      'to services that declare no authorization (default: as at the last start, at first allow)',
    ).choices(['allow', 'deny']),
  );
}

function addStoreOptions(up: Command): void {
  up.option(
    '--store <url>',
    'keep the ledger in PostgreSQL, as postgres://USER@HOST/DATABASE without a password; remembered',
  ).option(
    '--store-url-file <file>',
    'as --store, from a file that only you can read; TIDEGATE_STORE_URL does so, too',
  );
}

function addBlobOptions(up: Command): void {
  up.addOption(
    new Option(
      '--blob-quota <size>',
      'what blobs may take on the disk, as 500MiB or 2GiB; remembered (default: 1GiB)',
    ).argParser(sizeBytes),
  ).addOption(
    new Option(
      '--blob-retention <days>',
      'for how long blobs are kept, as 90d; remembered (default: 90d)',
    ).argParser(days),
  );
}

function addInstanceOptions(up: Command): void {
  up.option(
    '--cgroup <folder>',
    'cgroup v2 in which instances get theirs, delegated to this user; auto or off (default: auto, as root)',
  );
}

function addWitnessOptions(up: Command): void {
  up.option(
    '--witnesses <file>',
    'policy (c2sp.org/tlog-policy) with the URLs of the witnesses; remembered',
  ).option(
    '--witness-mode <mode>',
    'require, warn or off: whether a promotion waits until witnesses have cosigned its entry; remembered (default: off, with --witnesses: require)',
  );
}

function addEventOptions(up: Command): void {
  up.option(
    '--cdevents-sink <url>',
    'post what happens as CDEvents to this http or https URL, or off; without a credential in it; remembered',
  )
    .option(
      '--cdevents-sink-file <file>',
      'as --cdevents-sink, from a file that only you can read; its second line may be "Authorization: VALUE"',
    )
    .option(
      '--cdevents-environment <name>',
      'where the services run, as the events say it; remembered (default: local)',
    );
}

function addFlagOptions(up: Command): void {
  up.option(
    '--flags-listen <address>',
    'address where instances ask the gateway for flags, or off',
    '127.0.0.1:7402',
  ).option(
    '--environment <name>',
    'what this is, as production: whose values of flags are applied; remembered',
  );
}

/** Of the parts of server and gateway, each by itself. */
function addPartOptions(up: Command): void {
  addWitnessOptions(up);
  addStoreOptions(up);
  addTlsOptions(up);
}

function addAccessOptions(up: Command): void {
  up.option(
    '--policies <folder>',
    'Cedar policies of your own (*.cedar) beside those of the roles, or off; remembered',
  )
    .option(
      '--oidc <file>',
      'let people sign in at an OpenID provider, as the file says, or off; remembered',
    )
    .option(
      '--public-url <url>',
      'where people reach the server when that is not where it listens, as https://tidegate.example',
    );
}

function addTlsOptions(up: Command): void {
  up.option(
    '--tls-listen <address>',
    'address of the gateway for TLS and HTTP/2; with --tls-folder or --tls-identity',
  )
    .option(
      '--tls-folder <folder>',
      'certificates as NAME.crt with NAME.key, chosen by the host asked for',
    )
    .option(
      '--tls-default <name>',
      'the certificate for callers that ask for no host, or an unknown one',
    )
    .option(
      '--tls-identity',
      "with --tls-listen: serve the gateway's own certificate where no other has the host",
    )
    .option('--h2c', 'take HTTP/2 without TLS too, as clients of gRPC begin with it');
}
