/**
 * Parts of a document that a command writes: between `<!-- drawn: NAME -->` and `<!-- end of NAME -->`. Everything outside of them
 * is written by people.
 */
export function withBlock(document: string, name: string, text: string): string {
  const [from, to] = placeOf(document, name);
  return `${document.slice(0, from)}\n${text}\n\n${document.slice(to)}`;
}

/** The text of a block, without the line breaks around it. */
export function blockText(document: string, name: string): string {
  const [from, to] = placeOf(document, name);
  return document.slice(from + 1, to - 2);
}

export function blockNames(document: string): string[] {
  return [...document.matchAll(/<!-- drawn: ([\w-]+) -->/g)].map(([, name = '']) => name);
}

function placeOf(document: string, name: string): readonly [from: number, to: number] {
  const begin = `<!-- drawn: ${name} -->`;
  const from = document.indexOf(begin);
  const to = document.indexOf(`<!-- end of ${name} -->`);
  if (from === -1 || to < from) throw new Error(`there is no block ${name} in the document`);
  return [from + begin.length, to];
}
