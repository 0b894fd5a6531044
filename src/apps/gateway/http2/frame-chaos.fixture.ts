import { type Frame, frame, frameType } from './frames.fixture.ts';

/** In values of fields that must reach nobody. */
export const poison = 'p0is0n';

/** Below a bound, from a seed. */
export type Random = (bound: number) => number;

export function octetsOf({ type, stream, flags, payload }: Frame): Buffer {
  return frame(type, stream, { flags, payload });
}

/** Frames that say nothing of a request, right and wrong ones (RFC 9113 section 6), at any place of a session. */
export function strayFrame(random: Random, stream: number): Buffer {
  const of = [0, stream, stream + 2, 2, 0x7fff_ffff][random(5)] ?? 0;
  const size = [0, 4, 5, 6, 8, 9][random(6)] ?? 0;
  const payload = Buffer.from(Array.from({ length: size }, () => random(256)));
  const type = [
    frameType.priority,
    frameType.reset,
    frameType.settings,
    frameType.pushPromise,
    frameType.ping,
    frameType.goAway,
    frameType.windowUpdate,
    frameType.continuation,
    frameType.data,
    0x10,
    0xff,
  ][random(11)];
  return frame(type ?? 0, of, { flags: [0, 1, 4, 8, 0xff][random(5)] ?? 0, payload });
}

export interface Chaos {
  readonly octets: Buffer;
  /** Lengths are wrong: whatever follows on the connection is read as something else. */
  readonly isShifted: boolean;
}

/**
 * One to three changes to a list of frames: dropped, doubled, exchanged, cut, with other flags, types or lengths, with octets
 * of the payload changed, or strays between them. A frame that goes to another stream has nothing left of what it said, since
 * otherwise whoever gets it there could not tell who mixed it up.
 */
export function withChaos(frames: readonly Frame[], random: Random): Chaos {
  let isShifted = false;
  const octets = frames.map(octetsOf);
  const changes = 1 + random(3);
  for (let change = 0; change < changes; change += 1) {
    const at = random(octets.length);
    const chosen = octets[at];
    if (chosen === undefined) continue;
    const other = frames[random(frames.length)]?.stream ?? 1;
    switch (random(9)) {
      case 0:
        octets.splice(at, 1);
        break;
      case 1:
        octets.splice(at, 0, chosen);
        break;
      case 2:
        octets.splice(at, 1);
        octets.splice(random(octets.length + 1), 0, chosen);
        break;
      case 3:
        octets[at] = chosen.subarray(0, random(chosen.length));
        isShifted = true;
        break;
      case 4:
        octets[at] = withOctet(chosen, 4, random(256));
        break;
      case 5:
        octets[at] = withOctet(chosen, [2, 3][random(2)] ?? 2, random(256));
        isShifted = true;
        break;
      case 6:
        octets[at] = sentTo(chosen, [0, 2, other, other + 100][random(4)] ?? 0);
        break;
      case 7:
        octets[at] = withOctet(chosen, 9 + random(Math.max(1, chosen.length - 9)), random(256));
        break;
      default:
        octets.splice(at, 0, strayFrame(random, other));
    }
  }
  return { octets: withoutPoison(Buffer.concat(octets)), isShifted };
}

/** A changed octet makes another name of one that must not be; its value may be anywhere then. */
function withoutPoison(octets: Buffer): Buffer {
  const changed = Buffer.from(octets);
  for (let at = changed.indexOf(poison); at >= 0; at = changed.indexOf(poison, at)) {
    changed.fill('x', at, at + poison.length);
  }
  return changed;
}

function withOctet(octets: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(octets);
  if (at < changed.length) changed[at] = value;
  return changed;
}

function sentTo(octets: Buffer, stream: number): Buffer {
  if (octets.length < 9) return octets;
  const changed = Buffer.from(octets);
  changed.writeUInt32BE(stream, 5);
  if (changed[3] === frameType.data) changed.fill('x', 9);
  return changed;
}

/** Written in pieces, so that frames are cut anywhere. */
export async function writeInPieces(
  octets: Buffer,
  random: Random,
  write: (piece: Buffer) => void,
): Promise<void> {
  let from = 0;
  for (let cuts = random(4); cuts > 0 && from < octets.length; cuts -= 1) {
    const to = from + random(octets.length - from + 1);
    write(octets.subarray(from, to));
    from = to;
    await new Promise((resolve) => setImmediate(resolve));
  }
  write(octets.subarray(from));
}
