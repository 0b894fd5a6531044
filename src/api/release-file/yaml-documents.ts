import { Composer, CST, Lexer, Parser } from 'yaml';
import type { Document, YAMLError } from 'yaml';
import type { Problem } from './problem.ts';
import type { SourceText } from './source-text.ts';

export type YamlReading =
  | { readonly kind: 'documents'; readonly documents: readonly Document.Parsed[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/** 1 MiB, as UTF-8. */
const sizeBytesMax = 1_048_576;

/** Tokens of one file, white space and each escape of a quoted text included; some 150 services. Bounds the time. */
const tokenCountMax = 50_000;

/** Collections within each other; the format itself needs 7. The composer recurses, so this also bounds the stack. */
const depthMax = 50;

/**
 * A text as YAML 1.2 documents (JSON is a part of YAML 1.2), with every bound checked before the work it bounds: size,
 * then tokens and depth while reading, and only then the tree is composed. A file with any fault of syntax gives
 * problems only, one for each document, because what follows such a fault can't be believed.
 */
export function readYaml(source: SourceText): YamlReading {
  const unreadable = findUnreadable(source);
  if (unreadable !== null) return { kind: 'refused', problems: [unreadable] };
  const tokens = readTokens(source);
  if (tokens.kind === 'refused') return tokens;
  const documents = [...composeTokens(tokens.tokens, source.text.length)];
  const faults = documents.map((document) => faultOf(document, source));
  const problems = faults.filter((fault) => fault !== null);
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'documents', documents };
}

function findUnreadable(source: SourceText): Problem | null {
  const { text } = source;
  // The length in UTF-16 units is never more than the bytes, and spares encoding what is too long anyway.
  if (text.length > sizeBytesMax || new TextEncoder().encode(text).length > sizeBytesMax) {
    return source.problemAt(0, 'the file is larger than 1 MiB', 'split it into several files');
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) {
    return source.problemAt(nul, 'the file holds a NUL byte', 'save it as plain text in UTF-8');
  }
  // Decoders put U+FFFD where bytes were no UTF-8.
  const broken = text.isWellFormed() ? text.indexOf('\uFFFD') : loneSurrogateIndex(text);
  if (broken === -1) return null;
  return source.problemAt(broken, 'the file is not valid UTF-8', 'save it as plain text in UTF-8');
}

function loneSurrogateIndex(text: string): number {
  const repaired = text.toWellFormed();
  let index = 0;
  while (text[index] === repaired[index]) index += 1;
  return index;
}

type TokenReading =
  | { readonly kind: 'tokens'; readonly tokens: readonly CST.Token[] }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

function readTokens(source: SourceText): TokenReading {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let tokenCount = 0;
  let previous = '';
  for (const lexeme of new Lexer().lex(source.text)) {
    if (isUnclosedQuote(lexeme, previous)) {
      return refuse(source, parser.offset, 'this quote is never closed');
    }
    previous = lexeme;
    tokenCount += 1 + escapeCount(lexeme);
    if (tokenCount > tokenCountMax) {
      return refuse(source, parser.offset, `the file has more than ${tokenCountMax} tokens`);
    }
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > depthMax) {
      return refuse(source, parser.offset, `nested more than ${depthMax} levels deep`);
    }
  }
  tokens.push(...parser.end());
  return { kind: 'tokens', tokens };
}

function refuse(source: SourceText, offset: number, message: string): TokenReading {
  const hint = message.startsWith('the file') ? 'split it into several files' : null;
  return { kind: 'refused', problems: [source.problemAt(offset, message, hint)] };
}

/**
 * The library would place it at the end of the file. A text that ends in an escaped quote is missed here, found there.
 * After the marker CST.SCALAR the lexeme is no quoted text, whatever it begins with.
 */
function isUnclosedQuote(lexeme: string, previous: string): boolean {
  const quote = lexeme[0];
  if ((quote !== '"' && quote !== "'") || previous === CST.SCALAR) return false;
  return lexeme.length === 1 || !lexeme.endsWith(quote);
}

/** Each escape of a double-quoted text may be a fault of its own, so each counts. */
function escapeCount(lexeme: string): number {
  if (!lexeme.startsWith('"')) return 0;
  return lexeme.split('\\').length - 1;
}

function composeTokens(tokens: readonly CST.Token[], endOffset: number): Iterable<Document.Parsed> {
  // The library's own check of duplicate keys takes quadratic time: `locateValue` finds them instead.
  const composer = new Composer({
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
    schema: 'core',
  });
  return composer.compose(tokens, true, endOffset);
}

/** The first fault only: those after it are mostly its echoes. */
function faultOf(document: Document.Parsed, source: SourceText): Problem | null {
  const { yaml } = document.directives;
  if (yaml.explicit === true && yaml.version !== '1.2') {
    const offset = Math.max(0, source.text.indexOf('%YAML'));
    return source.problemAt(offset, 'release files are YAML 1.2', 'remove the %YAML line');
  }
  const faults = [...document.errors, ...document.warnings];
  const [first] = faults.sort((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return null;
  const { message, hint } = wordingOf(first);
  return source.problemAt(first.pos[0], message, hint);
}

interface Wording {
  readonly message: string;
  readonly hint: string | null;
}

function wordingOf(fault: YAMLError): Wording {
  const text = fault.message.split('\n', 1)[0] ?? fault.code;
  if (text.startsWith('Implicit ')) {
    return { message: 'this is no "key: value"', hint: 'a space must follow the colon' };
  }
  if (text.startsWith('Flow ')) {
    const closing = text.at(-1) ?? '';
    return {
      message: `a list or mapping in brackets is not closed before this by ${closing}`,
      hint: null,
    };
  }
  if (text.startsWith('All ')) {
    return { message: 'this is indented differently from the keys before it', hint: null };
  }
  return wordings[fault.code] ?? { message: `not valid YAML: ${text}`, hint: null };
}

/** Where the library's text is hard to act on. Keys are its error codes. */
const wordings: Readonly<Record<string, Wording | undefined>> = {
  TAB_AS_INDENT: { message: 'a tab is used for indentation', hint: 'indent with spaces' },
  TAG_RESOLVE_FAILED: { message: 'YAML tags (!name) are not allowed here', hint: null },
  BAD_ALIAS: { message: 'not a valid YAML alias or anchor name', hint: null },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a mapping inside a one-line value',
    hint: 'indent it on the next line, or quote a text that holds ": "',
  },
};
