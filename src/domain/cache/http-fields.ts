/** A field line: its name as it was written, and its value without white space around it. */
export type Field = readonly [name: string, value: string];

/** All values of a field, joined as RFC 9110 section 5.3 has it; null: it is not there. `name` is in lower case. */
export function valueOf(fields: readonly Field[], name: string): string | null {
  let found: string | null = null;
  for (const [each, value] of fields) {
    if (each.length !== name.length || each.toLowerCase() !== name) continue;
    found = found === null ? value : `${found}, ${value}`;
  }
  return found;
}

/** Members of a comma-separated list (RFC 9110 section 5.6.1), white space around them removed. Commas in quotes do not count. */
export function listOf(value: string): readonly string[] {
  if (!value.includes(',')) return value.trim() === '' ? [] : [value.trim()];
  const members: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at <= value.length; at += 1) {
    const letter = value[at];
    if (isQuoted && letter === '\\') at += 1;
    else if (letter === '"') isQuoted = !isQuoted;
    else if (at >= value.length || (letter === ',' && !isQuoted)) {
      const member = value.slice(start, at).trim();
      if (member !== '') members.push(member);
      start = at + 1;
    }
  }
  // A quote that nobody closes: the rest is one member.
  if (isQuoted && value.slice(start).trim() !== '') members.push(value.slice(start).trim());
  return members;
}

const monthNames = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const dayNames = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');
const imf = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const rfc850 = /^[A-Z][a-z]+day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const asctime = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** HTTP-date in its three forms (RFC 9110 section 5.6.7), in ms since the Unix epoch; null: it is none. */
export function httpDateMs(text: string | null): number | null {
  if (text === null || text.length > 40) return null;
  const plain = imf.exec(text);
  if (plain !== null) {
    const [, day = '', month = '', year = '', ...time] = plain;
    return dateMs({ year: Number(year), month, day }, time);
  }
  const old = rfc850.exec(text);
  if (old !== null) {
    const [, day = '', month = '', year = '', ...time] = old;
    // Two digits: the century that is meant today; caches outlive none.
    return dateMs({ year: 2000 + Number(year), month, day }, time);
  }
  const [, month = '', day = '', hours = '', minutes = '', seconds = '', year = ''] =
    asctime.exec(text) ?? [];
  return month === ''
    ? null
    : dateMs({ year: Number(year), month, day }, [hours, minutes, seconds]);
}

interface WrittenDay {
  readonly year: number;
  readonly month: string;
  readonly day: string;
}

function dateMs({ year, month, day }: WrittenDay, time: readonly string[]): number | null {
  const monthIndex = monthNames.indexOf(month);
  const [hours = 99, minutes = 99, seconds = 99] = time.map(Number);
  const isFit = monthIndex >= 0 && hours < 24 && minutes < 60 && seconds < 61;
  return isFit ? Date.UTC(year, monthIndex, Number(day), hours, minutes, seconds) : null;
}

/** As IMF-fixdate, which is what RFC 9110 section 5.6.7 wants written. */
export function httpDateText(atMs: number): string {
  const days = Math.floor(atMs / 86_400_000);
  // The Unix epoch was a Thursday.
  const weekday = dayNames[(((days + 4) % 7) + 7) % 7] ?? '';
  const { year, month, day } = civilOf(days);
  const seconds = Math.floor(atMs / 1000) - days * 86_400;
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hh, mm, ss] = time.map((part) => String(part).padStart(2, '0'));
  const date = `${String(day).padStart(2, '0')} ${monthNames[month] ?? ''} ${String(year).padStart(4, '0')}`;
  return `${weekday}, ${date} ${hh}:${mm}:${ss} GMT`;
}

/** Days since the Unix epoch as a date of the Gregorian calendar, by eras of 400 years that begin in March. */
function civilOf(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const part = Math.floor((5 * dayOfYear + 2) / 153);
  const month = part < 10 ? part + 2 : part - 10;
  return {
    year: yearOfEra + era * 400 + (month < 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * part + 2) / 5) + 1,
  };
}
