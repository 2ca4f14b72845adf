// Message attributes of SNS and SQS: the values from a mapper, the form in which they are sent, and their size.

import type { NumberValue } from "@aws-sdk/util-dynamodb";
import { isNumberValue } from "../record/json.ts";
import { entriesOf, wrongType } from "./member.ts";
import { sendableText, wholeJsonText } from "./message-text.ts";
import type { AppendDelivery } from "./sink.ts";
import { rejected } from "./sink-error.ts";

/** A value of an attribute. Strings and booleans are sent as String, arrays as String.Array, numbers as Number, bytes as Binary. */
export type MessageAttribute =
  | string
  | number
  | bigint
  | NumberValue
  | boolean
  | Uint8Array
  | readonly (string | number | boolean | null)[];

/** Attributes of a message by name. Attributes that are null or undefined are omitted. */
export type MessageAttributes = { readonly [name: string]: MessageAttribute | null | undefined };

/** An attribute as SNS and SQS receive it. */
export interface WireAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: Uint8Array;
}

/** The attributes of an entry. */
export type WireAttributes = Record<string, WireAttribute>;

/** Name of an attribute that every message has. Consumers can use it to discard repeats. */
export const idempotencyKeyAttribute = "idempotency-key";
/** Name of an attribute that every message has. Consumers can use it to discard outdated changes. */
export const versionAttribute = "sluice-version";

/**
 * SQS accepts at most ten attributes. With raw delivery to a queue, SNS drops a message that has more attributes.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html (read 2026-11-23)
 */
const maxAttributes = 10;

/**
 * The SDK's code would lose an attribute named `__proto__`, because an assignment sets the prototype of its object.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html (read 2026-11-23)
 */
const legalName = /^(?!__proto__$)(?!aws\.|amazon\.|\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/i;

const textAttribute = (DataType: string, StringValue: string): WireAttribute => ({ DataType, StringValue });

const isNumber = (value: unknown): boolean =>
  Number.isFinite(value) || typeof value === "bigint" || (isNumberValue(value) && /^[+-]?\.?\d/.test(String(value)));

/** Whether an array may contain the value. Undefined becomes null, as in `JSON.stringify`. */
const isArrayEntry = (value: unknown): boolean =>
  value === null || ["string", "boolean", "undefined"].includes(typeof value) || isNumber(value);

const arrayText = (sink: string, what: string, values: readonly unknown[]): string => {
  const other = values.find((value) => !isArrayEntry(value));
  if (other === undefined) return sendableText(sink, what, wholeJsonText(sink, what, values));
  throw wrongType(sink, `an entry of ${what}`, other, "a string, finite number, boolean or null");
};

const wireAttribute = (sink: string, name: string, value: unknown): WireAttribute => {
  const what = `attributes.${name}`;
  if (typeof value === "string") return textAttribute("String", sendableText(sink, what, value));
  if (typeof value === "boolean") return textAttribute("String", String(value));
  if (Array.isArray(value)) return textAttribute("String.Array", arrayText(sink, what, value));
  if (value instanceof Uint8Array) {
    if (value.byteLength > 0) return { DataType: "Binary", BinaryValue: value };
    throw rejected(sink, `${what} is empty; expected at least one byte`);
  }
  if (isNumber(value)) return textAttribute("Number", String(value));
  throw wrongType(sink, what, value, "a string, finite number, boolean, bytes or array");
};

/** A cache of valid names. Its size is limited, because a mapper may create names from data. */
const knownNames = new Set<string>();
const maxKnownNames = 1_000;

const checkName = (sink: string, name: string): void => {
  if (knownNames.has(name)) return;
  if (name === idempotencyKeyAttribute || name === versionAttribute) {
    throw rejected(sink, `the attribute ${name} is reserved for the sink; expected another name`);
  }
  if (legalName.test(name)) {
    if (knownNames.size < maxKnownNames) knownNames.add(name);
    return;
  }
  const expected = "1 to 256 of A-Z a-z 0-9 _ - and single periods inside, not beginning with AWS. or Amazon.";
  const found = name === "__proto__" ? "the name __proto__" : `a name of ${name.length} characters`;
  throw rejected(sink, `attributes: ${found} is not allowed; expected ${expected}`);
};

/**
 * Returns the attributes of a delivery's message: two from the sink, then those from the mapper.
 * @throws {SinkError} SINK_REJECTED for a name or value that SNS or SQS would reject, or for more than eight attributes.
 */
export const wireAttributes = (
  sink: string,
  { change, idempotencyKey }: AppendDelivery<unknown>,
  given?: MessageAttributes | null,
): WireAttributes => {
  const attributes: WireAttributes = {
    [idempotencyKeyAttribute]: textAttribute("String", sendableText(sink, "the idempotency key", idempotencyKey)),
    [versionAttribute]: textAttribute("String", change.version),
  };
  for (const [name, value] of entriesOf(sink, "attributes", given)) {
    checkName(sink, name);
    attributes[name] = wireAttribute(sink, name, value);
  }
  const count = Object.keys(attributes).length;
  if (count <= maxAttributes) return attributes;
  const found = `the message has ${count} attributes, two of them from the sink`;
  throw rejected(sink, `${found}; expected at most ${maxAttributes}`);
};

/** Bytes that count towards the limit of a message: name, type and value of each attribute. */
export const attributeBytes = (attributes: WireAttributes): number => {
  let bytes = 0;
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name + DataType + (StringValue ?? "")) + (BinaryValue?.byteLength ?? 0);
  }
  return bytes;
};
