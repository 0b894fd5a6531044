import type { Instance, Revision, Service } from '../../../api/client/generated/schemas.ts';
import { type Color, type Look, paint } from '../look.ts';

/** `checkout 2 (3f2a9c01aa)` when the revision has a version, else its id. */
export function revisionText(revision: Revision): string {
  if (revision.version === null) return revision.id;
  return `${revision.service} ${revision.version} (${shortId(revision)})`;
}

/** The same for a place where the service is known: `2 (3f2a9c01aa)`. */
export function versionText(revision: Revision | null): string {
  if (revision === null) return '-';
  if (revision.version === null) return shortId(revision);
  return `${revision.version} (${shortId(revision)})`;
}

export function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

/** 11160 is `11,160`, on every machine. */
export function countText(count: number): string {
  return String(Math.round(count)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

/** kubectl's short ages: `42s`, `5m12s` under ten minutes, `37m`, `5h`, `12d`. */
export function ageText(fromTime: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(fromTime)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** `850ms`, `12.3s`, `4m10s`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${Number((durationMs / 1000).toFixed(1))} s`;
  const minutes = Math.floor(durationMs / 60_000);
  if (minutes >= 60) {
    const hours = Math.floor(minutes / 60);
    return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  }
  const seconds = Math.floor((durationMs % 60_000) / 1000);
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}

/** Binary units, IEC 80000-13. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kibibytes = bytes / 1024;
  if (kibibytes < 1024) return `${Math.round(kibibytes)} KiB`;
  const mebibytes = kibibytes / 1024;
  if (mebibytes < 1024) return `${Math.round(mebibytes)} MiB`;
  return `${(mebibytes / 1024).toFixed(1)} GiB`;
}

interface Sign {
  readonly unicode: string;
  readonly ascii: string;
  readonly color: Color;
}

const phaseSigns: Readonly<Record<Service['status']['phase'], Sign>> = {
  Starting: { unicode: '◌', ascii: 'o', color: 'blue' },
  Stable: { unicode: '✔', ascii: '+', color: 'green' },
  Progressing: { unicode: '▶', ascii: '>', color: 'blue' },
  Parked: { unicode: '◔', ascii: '%', color: 'yellow' },
  Paused: { unicode: '‖', ascii: '=', color: 'yellow' },
  Waiting: { unicode: '?', ascii: '?', color: 'yellow' },
  RolledBack: { unicode: '✖', ascii: 'x', color: 'red' },
};

const instanceSigns: Readonly<Record<Instance['state'], Sign>> = {
  starting: { unicode: '◌', ascii: 'o', color: 'blue' },
  ready: { unicode: '✔', ascii: '+', color: 'green' },
  unready: { unicode: '⚠', ascii: '!', color: 'yellow' },
  'backing-off': { unicode: '✖', ascii: 'x', color: 'red' },
  stopping: { unicode: '◌', ascii: 'o', color: 'faint' },
};

export function phaseSign(look: Look, phase: Service['status']['phase']): string {
  return signText(look, phaseSigns[phase]);
}

export function instanceSign(look: Look, state: Instance['state']): string {
  return signText(look, instanceSigns[state]);
}

export function paintPhase(
  look: Look,
  phase: Service['status']['phase'],
  text: string = phase,
): string {
  return paint(look, phaseSigns[phase].color, text);
}

function signText(look: Look, sign: Sign): string {
  return paint(look, sign.color, look.isUnicode ? sign.unicode : sign.ascii);
}

function shortId(revision: Revision): string {
  const prefix = `${revision.service}-`;
  return revision.id.startsWith(prefix) ? revision.id.slice(prefix.length) : revision.id;
}
