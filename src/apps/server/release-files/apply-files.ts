import { stat } from 'node:fs/promises';
import { problemAt } from '../../../api/release-file/document-origin.ts';
import {
  parseReleaseFiles,
  type ReleaseFile,
} from '../../../api/release-file/parse-release-files.ts';
import type { Problem } from '../../../api/release-file/problem.ts';
import type { ServiceDocument } from '../../../api/release-file/service-document.ts';
import { unknownDependencies } from '../../../api/release-file/service-conflicts.ts';
import { authorizationFaults } from '../../../domain/authorization/authorization-faults.ts';
import type { ServiceSpec } from '../../../domain/release/revision.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';
import { dependencyOrder } from '../../../domain/topology/dependency-order.ts';
import { type InputSources, readRunInputs } from './read-run-inputs.ts';
import { flagRoomProblems } from './flag-room.ts';
import { isProgramThere } from './find-program.ts';
import { serviceSpecOf } from './service-spec.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export type ReadFiles =
  | { readonly kind: 'specs'; readonly specs: readonly ServiceSpec[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/**
 * Reads release files against what is applied already: specs in dependency order, or every problem with its place.
 * One problem refuses all files, so nothing is ever half applied.
 */
export async function readReleaseFiles(
  files: readonly ReleaseFile[],
  known: {
    readonly applied: readonly ServiceState[];
    /** The server's own, whose PATH the instances get. */
    readonly environment: Environment;
    readonly inputs: InputSources;
    /** See ServerOptions. */
    readonly environmentName: string | null;
  },
): Promise<ReadFiles> {
  const { applied, environment, inputs, environmentName } = known;
  const parsed = parseReleaseFiles(files);
  if (parsed.problems.length > 0) return { kind: 'refused', problems: parsed.problems };
  const living = applied.filter((state) => state.spec !== null && !state.isDeleted);
  const read = await Promise.all(parsed.services.map((each) => readRunInputs(each, inputs)));
  const specs = parsed.services.map((each, index) => {
    return serviceSpecOf(each, read[index]?.inputs, environmentName);
  });
  const problems = [
    ...dependencyProblems(parsed.services, living),
    ...cycleProblems(parsed.services, living),
    ...hostProblems(parsed.services, living),
    ...parsed.services.flatMap(authorizationProblems),
    ...flagRoomProblems(parsed.services, specs, living),
    ...read.flatMap((each) => each.problems),
    ...(await folderProblems(parsed.services, specs, environment)),
  ];
  if (problems.length > 0) return { kind: 'refused', problems };
  return { kind: 'specs', specs: inOrder(specs) };
}

function dependencyProblems(
  services: readonly ServiceDocument[],
  living: readonly ServiceState[],
): Problem[] {
  const known = new Set(living.map((state) => state.name));
  return unknownDependencies(services)
    .filter(({ name }) => !known.has(name))
    .map(({ service, name, keyPath }) => {
      const message = `service ${service.name} depends on ${name}, which is neither in these files nor applied`;
      return problemAt(service, keyPath, message, 'apply it together with this one');
    });
}

function authorizationProblems(service: ServiceDocument): Problem[] {
  const { policy, rules = [] } = service.traffic;
  if (policy?.authorization === undefined) return [];
  const hasToken = policy.jwt !== undefined || rules.some(({ jwt }) => jwt !== undefined);
  const grounds = { hasToken, hasIdentity: policy.mtls !== undefined };
  return authorizationFaults(policy.authorization, grounds).map(({ keyPath, message, hint }) =>
    problemAt(service, ['spec', 'traffic', 'authorization', ...keyPath], message, hint),
  );
}

function graphOf(
  services: readonly { readonly name: string; readonly dependsOn: readonly string[] }[],
  living: readonly ServiceState[],
): ReadonlyMap<string, readonly string[]> {
  const graph = new Map<string, readonly string[]>();
  for (const state of living) graph.set(state.name, state.spec?.dependsOn ?? []);
  for (const service of services) graph.set(service.name, service.dependsOn);
  return graph;
}

function cycleProblems(
  services: readonly ServiceDocument[],
  living: readonly ServiceState[],
): Problem[] {
  const order = dependencyOrder(graphOf(services, living));
  if (order.kind === 'order') return [];
  const first = services.find((service) => order.cycle.includes(service.name));
  if (first === undefined) return [];
  const next = order.cycle[(order.cycle.indexOf(first.name) + 1) % order.cycle.length] ?? '';
  const keyPath = ['spec', 'dependsOn', first.dependsOn.indexOf(next)];
  const message = `services depend on each other: ${[...order.cycle, order.cycle[0]].join(' -> ')}`;
  return [problemAt(first, keyPath, message, 'take one of these dependencies out')];
}

function hostProblems(
  services: readonly ServiceDocument[],
  living: readonly ServiceState[],
): Problem[] {
  return services.flatMap((service) => {
    const owner = living.find(
      (state) => state.name !== service.name && state.spec?.host === service.traffic.host,
    );
    if (owner === undefined || services.some((each) => each.name === owner.name)) return [];
    const message = `host ${service.traffic.host} belongs to service ${owner.name}`;
    return [problemAt(service, ['spec', 'traffic', 'host'], message, 'choose another host')];
  });
}

/** What the platform would stumble over: a folder that is not there, a program that cannot be found. */
async function folderProblems(
  services: readonly ServiceDocument[],
  specs: readonly ServiceSpec[],
  environment: Environment,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [index, service] of services.entries()) {
    const folder = specs[index]?.revision.workingDirectory ?? '';
    const isFolder = await stat(folder).then(
      (found) => found.isDirectory(),
      // Not there, or not to be read: the same to the person who wrote the file.
      () => false,
    );
    if (!isFolder) {
      const message = `cannot start in ${folder}: there is no such folder`;
      problems.push(problemAt(service, ['spec', 'run', 'workingDirectory'], message));
      continue;
    }
    const problem = await programProblem(service, folder, environment);
    if (problem !== null) problems.push(problem);
  }
  return problems;
}

async function programProblem(
  service: ServiceDocument,
  workingFolder: string,
  environment: Environment,
): Promise<Problem | null> {
  const { command, env } = service.run;
  const program = command[0] ?? '';
  const path = env['PATH'] ?? environment['PATH'] ?? '';
  if (await isProgramThere(program, { workingFolder, path })) return null;
  const where = program.includes('/') ? `from ${workingFolder}` : `in PATH (${path})`;
  const message = `cannot find the program ${JSON.stringify(program)} ${where}`;
  return problemAt(service, ['spec', 'run', 'command', 0], message);
}

function inOrder(specs: readonly ServiceSpec[]): readonly ServiceSpec[] {
  const names = new Set(specs.map((spec) => spec.name));
  const graph = new Map(
    specs.map((spec) => [spec.name, spec.dependsOn.filter((name) => names.has(name))]),
  );
  const order = dependencyOrder(graph);
  if (order.kind === 'cycle') return specs;
  return order.names.flatMap((name) => specs.filter((spec) => spec.name === name));
}
