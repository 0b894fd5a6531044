import type {
  Instance,
  Revision,
  Rollout,
  ServerStatus,
  Service,
} from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, padEnd, paint, widthOf, wrap } from '../look.ts';
import { inDependencyOrder } from './dependency-order.ts';
import { scalingText } from './scaling-facts.ts';
import { type Share, shareText, weightBar } from './weight-bar.ts';
import { bytesText, countText, instanceSign, paintPhase, phaseSign, versionText } from './words.ts';

export interface StatusPicture {
  readonly server: ServerStatus;
  readonly url: string;
  readonly services: readonly Service[];
}

/** Everything in one tree: server, services after what they need, their revisions with shares, their instances. */
export function statusTree(picture: StatusPicture, look: Look): string[] {
  const services = inDependencyOrder(picture.services);
  const lines = [
    ...headLines(picture, look),
    ...services.flatMap((service) => ['', ...serviceTree(service, look)]),
  ];
  if (services.length === 0) lines.push('', 'No service yet. Apply one: tidegate apply -f FILE');
  return lines;
}

export function serviceTree(service: Service, look: Look): string[] {
  const { status, spec } = service;
  const name = paint(look, 'bold', service.metadata.name);
  const needs = spec.dependsOn.length === 0 ? '' : `  needs ${spec.dependsOn.join(', ')}`;
  const head = `${phaseSign(look, status.phase)} ${name}  ${paintPhase(look, status.phase)}${stepText(status.rollout)}${paint(look, 'faint', needs)}`;
  const branches = branchesOf(service);
  const bar = branches.length > 0 ? trunk(look).bar : ' ';
  const labelWidth = Math.max(0, ...branches.map((branch) => widthOf(branchLabel(branch))));
  return [
    head,
    ...[status.sentence, ...restartText(status)].flatMap((text) =>
      wrap(look, harmless(text), 2).map((line) => `${bar} ${line}`.trimEnd()),
    ),
    ...branches.flatMap((branch, index) =>
      branchLines(branch, { look, isLast: index === branches.length - 1, labelWidth }),
    ),
  ];
}

/** While it is under way: how many of how many, and which instance is next. */
function restartText({ restart }: Service['status']): string[] {
  return restart?.phase === 'running' ? [`restart: ${restart.sentence}`] : [];
}

function headLines({ server, url }: StatusPicture, look: Look): string[] {
  const { gateway, ledger, cdEvents } = server;
  const gone = gateway.isReachable ? '' : paint(look, 'red', ' (does not answer)');
  return [
    `${paint(look, 'bold', `Tidegate ${server.version}`)}  ${url}  pid ${server.pid}  ${bytesText(server.rssBytes)}`,
    `gateway ${gateway.url}${gone}${workersText(gateway.workers, look)}  ledger ${countText(ledger.entries)} entries`,
    ...(ledger.trouble === null
      ? []
      : [paint(look, 'red', `nothing can be recorded: ${harmless(ledger.trouble)}`)]),
    ...(ledger.witnessProblem === null
      ? []
      : [paint(look, 'red', `witnesses: ${harmless(ledger.witnessProblem)}`)]),
    ...(cdEvents === null ? [] : [cdEventsLine(cdEvents, look)]),
  ];
}

function cdEventsLine(of: NonNullable<ServerStatus['cdEvents']>, look: Look): string {
  const { sink, taken, unwanted, failedTries, behindEntries, problem } = of;
  const skipped = unwanted === 0 ? '' : `, ${countText(unwanted)} skipped as not wanted`;
  const counts = `${countText(taken)} taken${skipped}`;
  if (problem === null) return `CDEvents to ${sink ?? 'nobody'}: ${counts}`;
  const tries = `${countText(failedTries)} tries failed, ${countText(behindEntries)} entries behind`;
  return paint(look, 'red', `CDEvents: ${harmless(problem)} (${counts}, ${tries})`);
}

function workersText(workers: ServerStatus['gateway']['workers'], look: Look): string {
  if (workers === null) return '';
  const { wanted, serving, lost } = workers;
  const said = serving === wanted ? `${wanted} workers` : `${serving} of ${wanted} workers`;
  const text = lost === 0 ? said : `${said}, ${lost} lost`;
  return `  ${serving === wanted ? text : paint(look, 'red', text)}`;
}

interface Branch {
  readonly revision: Revision;
  readonly role: 'stable' | 'candidate' | 'leaving';
  readonly share: Share | null;
  readonly instances: readonly Instance[];
  /** Empty: its number does not follow the load. */
  readonly scaling: string;
}

/** Stable first, then the candidate, then revisions that only have instances left to stop. */
function branchesOf(service: Service): Branch[] {
  const { stable, rollout, instances } = service.status;
  const isUnderWay = rollout !== null && rollout.endedAt === null;
  const branches: Branch[] = [];
  if (stable !== null) branches.push(branchOf(service, stable, 'stable'));
  if (isUnderWay && rollout.to.id !== stable?.id) {
    branches.push(branchOf(service, rollout.to, 'candidate'));
  }
  const shown = new Set(branches.map((branch) => branch.revision.id));
  for (const { revisionId } of instances) {
    if (shown.has(revisionId)) continue;
    shown.add(revisionId);
    branches.push(branchOf(service, knownRevision(service, revisionId), 'leaving'));
  }
  return branches;
}

function branchOf(service: Service, revision: Revision, role: Branch['role']): Branch {
  const instances = service.status.instances.filter((each) => each.revisionId === revision.id);
  const scaling = scalingText(service, revision.id);
  return { revision, role, share: shareOf(service, revision.id, role), instances, scaling };
}

function shareOf(service: Service, revisionId: string, role: Branch['role']): Share | null {
  const { traffic, rollout } = service.status;
  const wantedPercent = traffic.find((each) => each.revisionId === revisionId)?.weightPercent ?? 0;
  if (role === 'leaving' && wantedPercent === 0) return null;
  if (rollout === null || rollout.endedAt !== null || rollout.from === null) {
    return { kind: 'whole', wantedPercent };
  }
  const candidate = rollout.measuredSharePercent;
  const measured = role === 'candidate' || candidate === null ? candidate : 100 - candidate;
  return { kind: 'split', wantedPercent, measuredPercent: measured };
}

function knownRevision(service: Service, id: string): Revision {
  const { stables, rollout } = service.status;
  const known = [rollout?.to, rollout?.from, service.spec.revision, ...stables];
  const found = known.find((revision) => revision?.id === id);
  return found ?? { id, service: service.metadata.name, version: null, command: [], instances: 0 };
}

interface Place {
  readonly look: Look;
  readonly isLast: boolean;
  readonly labelWidth: number;
}

function branchLines(branch: Branch, { look, isLast, labelWidth }: Place): string[] {
  const { fork, end, bar } = trunk(look);
  const share =
    branch.share === null ? '' : `  ${weightBar(look, branch.share)} ${shareText(branch.share)}`;
  const scaling = branch.scaling === '' ? '' : `  ${branch.scaling}`;
  const label = padEnd(branchLabel(branch), labelWidth);
  const below = isLast ? '   ' : `${bar}  `;
  return [
    `${isLast ? end : fork} ${label}${share}${scaling}`.trimEnd(),
    ...branch.instances.map((instance, index) => {
      const joint = index === branch.instances.length - 1 ? end : fork;
      return `${below}${joint} ${instanceLine(instance, look)}`;
    }),
  ];
}

function branchLabel(branch: Branch): string {
  return `${versionText(branch.revision)}  ${branch.role}`;
}

function instanceLine(instance: Instance, look: Look): string {
  const facts = [
    `${instanceSign(look, instance.state)} ${instance.id}`,
    instance.isEjected === true ? `${instance.state}, ejected` : instance.state,
    instance.port === null ? '' : `port ${instance.port}`,
    instance.zone === undefined ? '' : `zone ${harmless(instance.zone)}`,
    instance.pid === null ? '' : `pid ${instance.pid}`,
    instance.rssBytes === 0 ? '' : bytesText(instance.rssBytes),
    instance.restarts === 0 ? '' : `restarts ${instance.restarts}`,
    instance.reason === null ? '' : harmless(instance.reason),
  ];
  return facts.filter((fact) => fact !== '').join('  ');
}

function stepText(rollout: Rollout | null): string {
  if (rollout === null || rollout.stepNumber === null || rollout.endedAt !== null) return '';
  return `  step ${rollout.stepNumber} of ${rollout.stepCount}`;
}

function trunk(look: Look): { fork: string; end: string; bar: string } {
  return look.isUnicode ? { fork: '├─', end: '└─', bar: '│' } : { fork: '|-', end: '`-', bar: '|' };
}
