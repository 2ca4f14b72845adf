// Values that a mapper may return by mistake, of every type. Encoding some of them throws.

import { confidential } from "./specimen.ts";

/** A value, with a name for the titles of tests. */
export interface UnexpectedValue {
  readonly name: string;
  readonly value: unknown;
}

const fail = (): never => {
  throw new Error(`thrown for ${confidential}`);
};

const cycle = (): object => {
  const members: Record<string, unknown> = {};
  members.self = members;
  return members;
};

const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
  let value: unknown = confidential;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
};

const throwingProxy = (): object =>
  new Proxy({}, { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail });

/**
 * Returns a value of every type: null, numbers, texts, collections, functions, a cycle, objects that throw when they are
 * read, deep nesting. Texts and thrown messages contain a text that no error message of a sink may contain.
 * @example
 * test.each(unexpectedValues())("a message with $name as its body does not throw", ({ value }) => { … });
 */
export const unexpectedValues = (): readonly UnexpectedValue[] =>
  Object.entries({
    null: null,
    undefined: undefined,
    "a number": 42,
    "a negative fraction": -1.5,
    NaN: Number.NaN,
    "a bigint": 42n,
    "a boolean": true,
    "an empty text": "",
    "a text": confidential,
    "a text with a line break and NUL": `${confidential}\r\n\u0000`,
    "half of a surrogate pair": "\ud83d",
    "an array": [confidential],
    "an array of objects": [{ member: confidential }],
    "an object": { member: confidential },
    "an object without a prototype": Object.create(null),
    "a Map": new Map([["member", confidential]]),
    "a Set": new Set([confidential, 1]),
    "a Date": new Date("2026-01-02T03:04:05.678Z"),
    "an invalid Date": new Date(Number.NaN),
    "a RegExp": /./,
    "a function": () => confidential,
    "a symbol": Symbol(confidential),
    bytes: new Uint8Array([0, 255]),
    "an object with a cycle": cycle(),
    "an array with a cycle": [cycle()],
    "an object whose toJSON throws": { toJSON: fail },
    "an object whose toString throws": { toString: fail },
    "an object whose getter throws": Object.defineProperty({}, "member", { enumerable: true, get: fail }),
    "an array whose entry throws": [Object.defineProperty({}, "member", { enumerable: true, get: fail })],
    "a Proxy that throws": throwingProxy(),
    "2,000 levels of objects": nested(2_000, (inner) => ({ a: inner })),
    "8,000 levels of objects": nested(8_000, (inner) => ({ a: inner })),
    "8,000 levels of arrays": nested(8_000, (inner) => [inner]),
  }).map(([name, value]) => ({ name, value }));
