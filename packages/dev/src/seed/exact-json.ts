// Reads JSON so that no digit of a number is lost: `JSON.parse` rounds beyond 2^53.

/** A number of a JSON text, with all its digits. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Begins texts that stand for numbers. Texts of the file that begin like this get the mark twice. */
const mark = "\u{F0000}";

const textOrNumber = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d[\d.eE+-]*/g;

/** The content may begin with the mark, or with its escape. */
const isMarked = (content: string): boolean =>
  (content.startsWith(mark) || content.startsWith("\\u")) && (JSON.parse(`"${content}"`) as string).startsWith(mark);

/** Names of members, which a colon follows, stay as they are. */
const marked = (json: string): string =>
  json.replace(textOrNumber, (found, content: string | undefined, colon: string | undefined) => {
    if (content === undefined) return `"${mark}${found}"`;
    return colon === undefined && isMarked(content) ? `"${mark}${content}"` : found;
  });

const restored = (_: string, value: unknown): unknown => {
  if (typeof value !== "string" || !value.startsWith(mark)) return value;
  const rest = value.slice(mark.length);
  return rest.startsWith(mark) ? rest : new ExactNumber(rest);
};

/** Parses JSON. Numbers are of the class `ExactNumber`. @throws {SyntaxError} for a text that is not JSON */
export const parseExactly = (json: string): unknown => {
  JSON.parse(json);
  return JSON.parse(marked(json), restored);
};
