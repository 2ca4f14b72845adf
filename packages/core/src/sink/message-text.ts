// Checks text in messages. SQS accepts only the characters of XML 1.0, and SNS may forward a message to SQS.

import { createHash } from "node:crypto";
import { toJson } from "../record/json.ts";
import { jsonFailure, memberPath } from "./encoding-error.ts";
import {
  checkMemberNames,
  halfCharacter,
  hasMembers,
  isSendable,
  type MemberNames,
  textMember,
  wrongType,
} from "./member.ts";
import type { AppendDelivery } from "./sink.ts";
import { rejected } from "./sink-error.ts";

/** Matches characters outside XML 1.0. @see https://www.w3.org/TR/REC-xml/#charsets */
const illegal = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** The only illegal characters that `JSON.stringify` does not escape. */
const unescaped = /[\uFFFE\uFFFF]/g;

/** Escapes illegal characters in JSON. For Latin-1 strings the search takes almost no time. */
export const xmlSafe = (json: string): string => {
  if (!json.includes("\uFFFE") && !json.includes("\uFFFF")) return json;
  return json.replace(unescaped, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
};

/**
 * Returns the text.
 * @throws {SinkError} SINK_REJECTED when the value is not a text, is empty, or has a character that SQS rejects.
 */
export const sendableText = (sink: string, what: string, value: unknown): string => {
  const text = textMember(sink, what, value);
  const found = illegal.exec(text);
  if (found === null) return text;
  const codePoint = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const expected = "characters of XML 1.0 only: remove it, or send an object, which becomes JSON";
  throw rejected(sink, `${what} has the character U+${codePoint} at ${found.index}; expected ${expected}`);
};

/**
 * Returns the message of a delivery.
 * @throws {SinkError} SINK_REJECTED when the mapper did not return an object, or the object has an unknown member.
 */
export const messageOf = <Message extends object>(
  sink: string,
  { message }: AppendDelivery<Message>,
  known: MemberNames<Message>,
): Message => {
  if (!hasMembers(message)) throw wrongType(sink, "the message", message, "an object with named members");
  checkMemberNames(sink, "the message", message, known);
  return message;
};

/** Writes a value as lossless JSON. @throws {SinkError} SINK_REJECTED when JSON cannot hold the value. */
export const jsonText = (sink: string, what: string, value: unknown): string => {
  try {
    return toJson(value);
  } catch (cause) {
    throw rejected(sink, `${what} cannot be written as JSON${jsonFailure(cause)}`, { cause });
  }
};

/** Returns the path to half of a surrogate pair in parsed JSON, within a text or a name. Undefined if there is no half. */
const pathToHalf = (value: unknown): readonly string[] | undefined => {
  if (typeof value === "string") return isSendable(value) ? undefined : [];
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const path = isSendable(name) ? pathToHalf(member) : [];
    if (path !== undefined) return [name, ...path];
  }
  return undefined;
};

/**
 * Writes a value as JSON for a target that reads the JSON and writes it anew. Half of a surrogate pair would not survive:
 * `JSON.stringify` writes it as an escape, which the target replaces or refuses.
 * @throws {SinkError} SINK_REJECTED when JSON cannot hold the value, or for half of a surrogate pair.
 */
export const wholeJsonText = (sink: string, what: string, value: unknown): string => {
  const text = jsonText(sink, what, value);
  // `JSON.stringify` escapes no other characters from U+D800 to U+DFFF.
  const path = text.includes("\\ud") ? pathToHalf(JSON.parse(text)) : undefined;
  if (path === undefined) return text;
  throw halfCharacter(sink, memberPath(what, path));
};

/**
 * Returns the body of a message: a string unchanged, any other value as lossless JSON, undefined as `null`.
 * @throws {SinkError} SINK_REJECTED for a string that SQS would reject, or a value that cannot be JSON.
 */
export const bodyText = (sink: string, body: unknown): string =>
  typeof body === "string" ? sendableText(sink, "body", body) : xmlSafe(jsonText(sink, "body", body));

/**
 * Returns an idempotency key as the value of a header. The key is hashed unless it is short ASCII without spaces and
 * full stops. A full stop would make the signed text of a webhook ambiguous.
 */
export const headerKey = (idempotencyKey: string): string =>
  /^[\x21-\x2d\x2f-\x7e]{1,255}$/.test(idempotencyKey)
    ? idempotencyKey
    : `sha256:${createHash("sha256").update(idempotencyKey).digest("base64url")}`;
