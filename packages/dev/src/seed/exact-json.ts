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

const textOrNumber = /"((?:[^"\\]|\\.)*)"|-?\d[\d.eE+-]*/g;

const marked = (json: string): string =>
  json.replace(textOrNumber, (found, text?: string) => {
    if (text === undefined) return `"${mark}${found}"`;
    return text.startsWith(mark) ? `"${mark}${mark}${text.slice(mark.length)}"` : found;
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
