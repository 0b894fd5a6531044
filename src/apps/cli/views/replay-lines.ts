import type { RolloutReplay } from '../../../api/client/generated/schemas.ts';
import { harmless, type Look, paint } from '../look.ts';
import { countText } from './words.ts';

export function replayLines(replay: RolloutReplay, look: Look): string[] {
  const { rolloutId, eventCount, sameCount, decisionCount } = replay;
  const counts = `${countText(sameCount)} of ${countText(decisionCount)} decisions`;
  const outcome = replay.isSame
    ? paint(look, 'green', `${counts} are the same, byte for byte`)
    : paint(look, 'red', `only ${counts} are the same`);
  return [
    `${harmless(rolloutId)}: ${countText(eventCount)} events through the decider again: ${outcome}`,
    ...differenceLines(replay.firstDifference),
    ...versionLines(replay),
  ];
}

type Difference = RolloutReplay['firstDifference'];

function differenceLines(difference: Difference): string[] {
  if (difference === null) return [];
  const { entryIndex, what, recorded, replayed } = difference;
  return [
    `  first difference: entry ${entryIndex}: ${harmless(what)}`,
    `  recorded: ${saidText(recorded)}`,
    `  replayed: ${saidText(replayed)}`,
  ];
}

function saidText(said: NonNullable<Difference>['recorded']): string {
  if (said === null) return 'no decision';
  const verdict = said.verdict === null ? '' : ` (verdict: ${said.verdict})`;
  return harmless(`${said.decision}: ${said.sentence}${verdict}`);
}

function versionLines({ versions, replayedByVersion }: RolloutReplay): string[] {
  if (versions.every((version) => version === replayedByVersion)) return [];
  const by = versions.map(harmless).join(', ');
  return [
    `  decided by ${by}, replayed by ${harmless(replayedByVersion)}: another version may decide otherwise`,
  ];
}
