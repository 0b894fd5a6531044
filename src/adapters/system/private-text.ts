import { readFile, stat } from 'node:fs/promises';

import { isErrno } from './errno.ts';

export type PrivateText =
  | { readonly kind: 'text'; readonly text: string }
  /** What is wrong, with the remedy; never what the file says. */
  | { readonly kind: 'refused'; readonly why: string };

const sizeBytesMax = 8_192;

/** A short file that holds a secret: refused when others can read it. */
export async function readPrivateText(path: string): Promise<PrivateText> {
  try {
    const { mode, size } = await stat(path);
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8);
      return refused(
        `cannot use ${path}: others can read it (mode ${octal}); run chmod 600 ${path}`,
      );
    }
    if (size > sizeBytesMax) {
      return refused(`cannot use ${path}: it has ${size} bytes, and a URL is one line`);
    }
    return { kind: 'text', text: (await readFile(path, 'utf8')).trim() };
  } catch (error) {
    const why = isErrno(error, 'ENOENT') ? 'there is no such file' : String(error);
    return refused(`cannot read the URL from ${path}: ${why}`);
  }
}

function refused(why: string): PrivateText {
  return { kind: 'refused', why };
}
