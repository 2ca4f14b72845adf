// CloudEvents 1.0, as a format for messages.

import { isDeepStrictEqual } from "node:util";
import { RecordError } from "../errors.ts";
import type { Change, ChangeKind, KeyValue } from "../record/change.ts";
import { toJson } from "../record/json.ts";
import { carries } from "../record/record.ts";
import { checkOptionNames, checkText, invalidOption } from "./option.ts";

/** An item as JSON: numbers that a double would round are strings, sets are arrays, binary is base64. */
export type JsonItem = { readonly [attribute: string]: unknown };

/** A change as a CloudEvent, which `JSON.stringify` writes without loss. @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export interface CloudEvent {
  readonly specversion: "1.0";
  /** The event id of the change: the same on every repeat. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The key values of the item, in the order of the attributes' names, percent-encoded and joined by `/`. */
  readonly subject: string;
  /** RFC 3339, rounded down to the second by DynamoDB. Absent if the record has no time. */
  readonly time?: string;
  readonly datacontenttype: "application/json";
  /**
   * The version of the change. Compared as text, versions order the changes of an item.
   * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/sequence.md
   */
  readonly sequence: string;
  readonly data: CloudEventData;
}

/** The payload of the event. */
export interface CloudEventData {
  readonly kind: ChangeKind;
  readonly keys: JsonItem;
  /** The item before the change. Absent for an insert, and if the stream's view type has no old image. */
  readonly before?: JsonItem;
  /** The item after the change. Absent for a remove, and if the stream's view type has no new image. */
  readonly after?: JsonItem;
  /** Sorted names of the attributes that a modify added, changed or removed. Absent unless both images are present. */
  readonly changed?: readonly string[];
}

/** Options of `cloudEvent`. */
export interface CloudEventOptions<Item> {
  /** The source of the events, as a URI reference: `/shop/orders`. */
  readonly source: string;
  /** The type of all events, or a function that returns the type: `({ kind }) => "com.shop.order." + kind`. */
  readonly type: string | ((change: Change<Item>) => string);
}

const plain = (value: unknown): JsonItem => JSON.parse(toJson(value)) as JsonItem;

const keyText = (value: KeyValue): string => {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);
  if (!/\p{Surrogate}/u.test(text)) return text;
  throw new RecordError("RECORD_MALFORMED", "a key attribute has half of a surrogate pair; expected whole characters");
};

const isUriReference = (text: string): boolean =>
  /^(?:[\w.~:/?#[\]@!$&'()*+,;=-]|%[\dA-Fa-f]{2})+$/.test(text) && URL.canParse(text, "https://a");

const subjectOf = ({ keys }: Change<unknown>): string =>
  Object.entries(keys)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => encodeURIComponent(keyText(value)))
    .join("/");

const changedBetween = (before: JsonItem, after: JsonItem): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .sort();

const dataOf = (change: Change<unknown>): CloudEventData => {
  const { kind, viewType, keys } = change;
  const before = kind !== "insert" && carries(viewType, "old") ? plain(change.before) : undefined;
  const after = kind !== "remove" && carries(viewType, "new") ? plain(change.after) : undefined;
  return {
    kind,
    keys: plain(keys),
    ...(before && { before }),
    ...(after && { after }),
    ...(before && after && { changed: changedBetween(before, after) }),
  };
};

/** RFC 3339 has years of four digits. */
const yearTenThousandMs = 253_402_300_800_000;

const timeOf = ({ approximateCreationTimeMs: ms }: Change<unknown>): { readonly time?: string } =>
  ms > 0 && ms < yearTenThousandMs ? { time: new Date(ms).toISOString() } : {};

/** Checks and returns the type, because consumers discard an event whose type is empty. */
const checkedType = (type: unknown): string => {
  if (typeof type === "string" && type !== "") return type;
  throw new RecordError("MAPPING_FAILED", "the type of cloudEvent returned no string; expected one for every change");
};

/**
 * Creates a mapper that turns a change into a CloudEvent, for any append sink.
 * @throws {ConfigError} CONFIG_INVALID when `source` or `type` is missing.
 * @example
 * const toEvent = cloudEvent({ source: "/shop/orders", type: ({ kind }) => `com.shop.order.${kind}` });
 * pipeline("orders", { deadLetterQueue, dedupeStore }).to(sqsSink({ queueUrl }), (change) => ({ body: toEvent(change) }));
 */
export const cloudEvent = <Item = unknown>(
  options: CloudEventOptions<Item>,
): ((change: Change<Item>) => CloudEvent) => {
  checkOptionNames("cloudEvent", options, { source: true, type: true });
  const { source, type } = options;
  checkText("source", source);
  if (!isUriReference(source)) throw invalidOption("source", "must be a URI reference, such as /shop/orders");
  if (typeof type !== "function") checkText("type", type);
  const typeOf = typeof type === "function" ? type : () => type;
  return (change) => ({
    specversion: "1.0",
    id: change.eventId,
    source,
    type: checkedType(typeOf(change)),
    subject: subjectOf(change),
    ...timeOf(change),
    datacontenttype: "application/json",
    sequence: change.version,
    data: dataOf(change),
  });
};
