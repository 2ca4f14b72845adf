// What a message's text may hold. SQS takes the characters of XML 1.0 only, and SNS hands messages on to SQS.

import { SinkError } from "../errors.ts";
import { toJson } from "../record/json.ts";
import type { AppendDelivery } from "./sink.ts";

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
 * What the mapper returned, when it is an object: it may come from JavaScript.
 * @throws {SinkError} SINK_REJECTED when it is none.
 */
export const messageOf = <Message extends object>(sink: string, { message }: AppendDelivery<Message>): Message => {
  if (typeof message === "object" && message !== null && !Array.isArray(message)) return message;
  throw new SinkError("SINK_REJECTED", `[${sink}] the message is no object; expected one with members by name`);
};

/**
 * A value as JSON without loss.
 * @throws {SinkError} SINK_REJECTED for one that JSON cannot hold: a cycle, or a `toJSON` that throws.
 */
export const jsonText = (sink: string, what: string, value: unknown): string => {
  try {
    return toJson(value);
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : "something that is no Error";
    throw new SinkError("SINK_REJECTED", `[${sink}] ${what} cannot be written as JSON, which threw ${name}`, { cause });
  }
};

/**
 * A message's body: a text as it is, anything else as JSON without loss, undefined as `null`.
 * @throws {SinkError} SINK_REJECTED for a text that SQS would not take, or what JSON cannot hold.
 */
export const bodyText = (sink: string, body: unknown): string =>
  typeof body === "string" ? sendableText(sink, "body", body) : xmlSafe(jsonText(sink, "body", body));
