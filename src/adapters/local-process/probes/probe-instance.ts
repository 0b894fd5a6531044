import type { ProbeResult, ProbeSpec } from '../../../domain/health/probe.ts';
import { h2c, https } from '../../../domain/traffic/routing/route-table.ts';
import { instanceEnvironment } from '../instance-environment.ts';
import { flagAccess, type Surroundings } from '../instance-life.ts';
import type { InstanceRecord } from '../instance-record.ts';
import { probe } from './probe.ts';
import { probeExec } from './probe-exec.ts';
import { identityVariables } from '../instance-identity.ts';
import { probeHttps } from './probe-https.ts';
import { probeHttp2 } from './probe-http2.ts';
import { probeTcp } from './probe-tcp.ts';

export interface ProbeOrder {
  readonly spec: ProbeSpec;
  readonly port: number;
  readonly launchId: string;
}

/** Makes one probe of a running instance; settles when nothing of it is left. */
export async function probeInstance(
  world: Surroundings,
  { id, revision }: InstanceRecord,
  { spec, port, launchId }: ProbeOrder,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { handler, timeoutMs } = spec;
  switch (handler.kind) {
    case 'http': {
      const target = { port, path: handler.path, timeoutMs };
      if (revision.appProtocol === h2c) return probeHttp2(target, signal);
      if (revision.appProtocol !== https || world.identities === null) return probe(target, signal);
      return probeHttps({ ...target, service: revision.service }, world.identities, signal);
    }
    case 'tcp':
      return probeTcp({ port, timeoutMs }, signal);
    case 'exec': {
      const { clock, settings, gatewayUrl, inherited, configs } = world;
      const secrets = await world.secrets.valuesOf(revision.secrets ?? {});
      if (typeof secrets === 'string') return { kind: 'unknown', text: secrets };
      const config =
        revision.configFiles === undefined ? {} : { configFolder: configs.folderOf(id) };
      const flags = flagAccess(world, revision);
      const identity = await identityVariables(world.identities, { id, revision });
      const known = { instanceId: id, port, launchId, gatewayUrl, identity };
      const facts = { ...known, flags, secrets, ...config };
      const environment = instanceEnvironment(inherited, revision, facts);
      const { workingDirectory } = revision;
      const { command } = handler;
      return probeExec(
        { command, workingDirectory, environment, timeoutMs, clock, settings },
        signal,
      );
    }
  }
}
