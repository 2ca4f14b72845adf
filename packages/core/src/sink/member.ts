// Checks the members of a message. Null in an optional member means that the member is absent. Errors name the type of
// a value, never the value.

import { types } from "node:util";
import type { SinkError } from "../errors.ts";
import { isNumberValue } from "../record/json.ts";
import { rejected } from "./sink-error.ts";

/** Names of the types of objects that have no named members. */
const objectTypes: readonly (readonly [isOfType: (value: object) => boolean, name: string])[] = [
  [Array.isArray, "an array"],
  [types.isMap, "a Map"],
  [types.isSet, "a Set"],
  [types.isDate, "a Date"],
  [types.isPromise, "a promise"],
  [(value) => ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value), "bytes"],
  [types.isBoxedPrimitive, "a boxed primitive"],
  [isNumberValue, "a number"],
];

const objectType = (value: object): string => objectTypes.find(([isOfType]) => isOfType(value))?.[1] ?? "an object";

/** Returns the type of a value as a noun: `a number`, `a Map`, `null`. */
const typeOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return value === "" ? "empty" : "a text";
  if (typeof value === "number" && !Number.isFinite(value)) return "a number that is not finite";
  return typeof value === "object" ? objectType(value) : `a ${typeof value}`;
};

/** Creates the SINK_REJECTED error for a member whose value has a wrong type: `subject is a number; expected a text`. */
export const wrongType = (sink: string, member: string, value: unknown, expected: string): SinkError =>
  rejected(sink, `${member} is ${typeOf(value)}; expected ${expected}`);

/** Whether a value is an object with named members, and not an array, Map, Set, Date, promise, number or bytes. */
export const hasMembers = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && objectType(value) === "an object";

/** Half of a surrogate pair has no form in UTF-8, so that clients replace it by U+FFFD. */
const half = /\p{Surrogate}/u;

/** Whether UTF-8 can hold the text: it has no half of a surrogate pair. */
export const isSendable = (text: string): boolean => !half.test(text);

/** Creates the SINK_REJECTED error for a text with half of a surrogate pair. */
export const halfCharacter = (sink: string, member: string): SinkError =>
  rejected(sink, `${member} has half of a surrogate pair; expected whole characters, because UTF-8 has no halves`);

/** Returns the text. @throws {SinkError} SINK_REJECTED for a text that clients would alter. */
export const wholeText = (sink: string, member: string, text: string): string => {
  if (isSendable(text)) return text;
  throw halfCharacter(sink, member);
};

/**
 * Returns a text.
 * @throws {SinkError} SINK_REJECTED for any other value, for an empty text, and for half of a surrogate pair.
 */
export const textMember = (sink: string, member: string, value: unknown): string => {
  if (typeof value === "string" && value !== "") return wholeText(sink, member, value);
  throw wrongType(sink, member, value, "a text");
};

const maxShownNames = 5;

/**
 * Checks that an object has only members that the sink knows, because a misspelt member would be lost.
 * @throws {SinkError} SINK_REJECTED, which names the unknown members and the known members.
 */
export const checkMemberNames = (sink: string, what: string, value: object, known: MemberNames): void => {
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, maxShownNames).map((name) => JSON.stringify(name.slice(0, 60)));
  const names = shown.join(", ") + (unknown.length > maxShownNames ? ", …" : "");
  throw rejected(sink, `${what} has no member ${names}; expected only ${Object.keys(known).join(", ")}`);
};

/** The names of the members that an object may have. `MemberNames<Message>` lets the compiler find a missing name. */
export type MemberNames<Value extends object = Record<string, unknown>> = Readonly<Record<keyof Value & string, true>>;

/** Returns an optional object, or undefined. @throws {SinkError} SINK_REJECTED for a value of another type. */
export const objectMember = (
  sink: string,
  member: string,
  value: unknown,
): Readonly<Record<string, unknown>> | undefined => {
  if (value === null || value === undefined) return undefined;
  if (hasMembers(value)) return value;
  throw wrongType(sink, member, value, "an object with named members");
};

/** Returns an optional array, or undefined. @throws {SinkError} SINK_REJECTED for a value of another type. */
export const listMember = (sink: string, member: string, value: unknown): readonly unknown[] | undefined => {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value;
  throw wrongType(sink, member, value, "an array");
};

/** Returns the names and values of an optional object. Omits members that are null or undefined. */
export const entriesOf = (sink: string, member: string, value: unknown): readonly (readonly [string, unknown])[] =>
  Object.entries(objectMember(sink, member, value) ?? {}).filter(([, entry]) => entry !== null && entry !== undefined);
