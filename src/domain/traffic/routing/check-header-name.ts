/** Hears what is wrong with a part of a table, and where. */
export type Note = (place: string, message: string) => void;

export function checkHeaderName(name: string, place: string, note: Note): void {
  if (/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return;
  note(place, `'${name}' must be a header name in lower case`);
}
