const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `12 s`, `4 min`, `3 h`, `2 d`: one unit, rounded down; never below 0 s. */
export function ageText(ageMs: number): string {
  const ms = Math.max(0, ageMs);
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`;
  if (ms < 2 * dayMs) return `${Math.floor(ms / hourMs)} h`;
  return `${Math.floor(ms / dayMs)} d`;
}

/** As `ageText`, but below a minute `now`: a row that counts seconds draws the eye and says nothing. */
export function calmAgeText(ageMs: number): string {
  return ageMs < minuteMs ? 'now' : ageText(ageMs);
}
