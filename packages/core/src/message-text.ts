// What a message's text may hold. SQS takes the characters of XML 1.0 only, and SNS hands messages on to SQS.

import { SinkError } from "./errors.ts";
import { toJson } from "./json.ts";

/** @see https://www.w3.org/TR/REC-xml/#charsets. A lone surrogate is matched as a code point of its own. */
const illegal = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** The only illegal characters that `JSON.stringify` leaves as they are. */
const unescaped = /[\uFFFE\uFFFF]/g;

/** The same JSON, with what SQS would not take written as escapes. To look first costs nothing where all is Latin-1. */
export const xmlSafe = (json: string): string => {
  if (!json.includes("\uFFFE") && !json.includes("\uFFFF")) return json;
  return json.replace(unescaped, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
};

/**
 * The text, when a message may hold it.
 * @throws {SinkError} SINK_REJECTED when it is empty or has a character that SQS rejects; says which one, and where.
 */
export const sendableText = (sink: string, what: string, text: string): string => {
  if (text === "") throw new SinkError("SINK_REJECTED", `[${sink}] ${what} is empty; expected at least one character`);
  const found = illegal.exec(text);
  if (found === null) return text;
  const codePoint = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  throw new SinkError(
    "SINK_REJECTED",
    `[${sink}] ${what} has the character U+${codePoint} at ${found.index}; expected characters of XML 1.0 only: remove it, or send an object, which goes as JSON`,
  );
};

/**
 * A message's body: a text as it is, anything else as JSON without loss, undefined as `null`.
 * @throws {SinkError} SINK_REJECTED for a text that SQS would not take.
 */
export const bodyText = (sink: string, body: unknown): string =>
  typeof body === "string" ? sendableText(sink, "body", body) : xmlSafe(toJson(body));
