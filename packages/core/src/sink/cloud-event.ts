// CloudEvents 1.0, for messages that have no format of their own.

import { isDeepStrictEqual } from "node:util";
import { RecordError } from "../errors.ts";
import type { Change, ChangeKind, KeyValue } from "../record/change.ts";
import { toJson } from "../record/json.ts";
import { carries } from "../record/record.ts";
import { checkText } from "./option.ts";

/** Decoded values as JSON: what a double would round is text, sets are arrays, binary is base64. */
export type JsonItem = { readonly [attribute: string]: unknown };

/**
 * A change as a CloudEvent. All of it survives `JSON.stringify`.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 */
export interface CloudEvent {
  readonly specversion: "1.0";
  /** The change's event id: equal on every repeat. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The item's key values, in the order of their attributes' names, percent-encoded and joined by `/`. */
  readonly subject: string;
  /** RFC 3339, rounded down to the second by DynamoDB. Absent where the record has no time. */
  readonly time?: string;
  readonly datacontenttype: "application/json";
  /**
   * The change's version, which orders the changes of an item as text.
   * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/sequence.md
   */
  readonly sequence: string;
  readonly data: CloudEventData;
}

export interface CloudEventData {
  readonly kind: ChangeKind;
  readonly keys: JsonItem;
  /** Absent before an insert, and where the stream's view type carries no old image. */
  readonly before?: JsonItem;
  /** Absent after a remove, and where the stream's view type carries no new image. */
  readonly after?: JsonItem;
  /** Names of the attributes that a modify added, changed or removed, sorted. Absent unless both images are there. */
  readonly changed?: readonly string[];
}

export interface CloudEventOptions<Item> {
  /** Where events come from, as a URI reference: `/shop/orders`. */
  readonly source: string;
  /** What happened: one text for all changes, or one for each: `({ kind }) => "com.shop.order." + kind`. */
  readonly type: string | ((change: Change<Item>) => string);
}

const plain = (value: unknown): JsonItem => JSON.parse(toJson(value)) as JsonItem;

const keyText = (value: KeyValue): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString("base64") : String(value);

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

const timeOf = ({ approximateCreationTimeMs: ms }: Change<unknown>): { readonly time?: string } =>
  ms > 0 ? { time: new Date(ms).toISOString() } : {};

/** A consumer drops an event without a type as none. */
const checkedType = (type: unknown): string => {
  if (typeof type === "string" && type !== "") return type;
  throw new RecordError("MAPPING_FAILED", "cloudEvent's type answered no text; expected one for every change");
};

/**
 * A mapper that makes a CloudEvent of a change, for any append sink.
 * @throws {ConfigError} CONFIG_INVALID when `source` or `type` is missing.
 * @example
 * const toEvent = cloudEvent({ source: "/shop/orders", type: ({ kind }) => `com.shop.order.${kind}` });
 * pipeline("orders", { deadLetterQueue, dedupeStore }).to(sqsSink({ queueUrl }), (change) => ({ body: toEvent(change) }));
 */
export const cloudEvent = <Item = unknown>({
  source,
  type,
}: CloudEventOptions<Item>): ((change: Change<Item>) => CloudEvent) => {
  checkText("source", source);
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
