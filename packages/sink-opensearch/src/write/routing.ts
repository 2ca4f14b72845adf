// The routing of documents: a text that decides on which shard a document is. A document of another routing is another
// document, even if both have the same `_id`, unless the two routings lead to the same shard.

import {
  callUser,
  decodeImage,
  decodeValue,
  type Image,
  imageOf,
  type KeyValue,
  rejected,
  type UnknownItem,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import { documentId, hasHalfPair } from "./document-id.ts";

/**
 * The attribute whose value is the routing, or a function that returns the routing of an item. If the attribute is
 * missing, or the function returns undefined, OpenSearch routes by the document's `_id`.
 */
export type OpensearchRouting = string | ((item: UnknownItem) => string | undefined);

/** The routings of a delivery. Undefined stands for the routing by `_id`. */
export interface Routings {
  /** Where the document, or the tombstone of its removal, belongs. */
  readonly current: string | undefined;
  /** Where earlier states of the item were. */
  readonly left: readonly (string | undefined)[];
}

/** Returns the routing of a delivery's document. */
export type RoutingOf = (delivery: UpsertDelivery<object>) => string | undefined;

const user = 'option "routing"';

const textOf = (sink: string, value: unknown): string | undefined => {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value === "") {
    throw rejected(
      sink,
      `${user} returned ${value === "" ? "an empty text" : typeof value}; expected a non-empty text`,
    );
  }
  if (hasHalfPair(value)) throw rejected(sink, `${user} gave a text with half a surrogate pair`);
  return value;
};

const attributeRouting = (sink: string, attribute: string, image: Image): string | undefined => {
  const value = Object.hasOwn(image, attribute) ? image[attribute] : undefined;
  if (value === undefined || "NULL" in value) return undefined;
  if (!("S" in value || "N" in value || "B" in value)) {
    const problem = `attribute ${JSON.stringify(attribute)} of ${user} must be a string, a number or binary`;
    throw rejected(sink, `${problem}; found ${Object.keys(value)[0]}`);
  }
  // The text is that of an `_id`, so that a parent whose key is this value has the routing of its children.
  return textOf(sink, documentId({ [attribute]: decodeValue(value) as KeyValue }).id);
};

const routingIn = (sink: string, routing: OpensearchRouting, image: Image): string | undefined =>
  typeof routing === "string"
    ? attributeRouting(sink, routing, image)
    : textOf(sink, callUser("routing", routing, decodeImage(image)));

/** Returns the images of all earlier states of the item, the newest last. */
const formerImages = ({ change, earlier }: UpsertDelivery<object>): Image[] =>
  [...earlier, change].flatMap((one, index) => [
    ...(one.kind === "insert" ? [] : [imageOf(one, "OldImage", user)]),
    ...(one.kind === "remove" || index === earlier.length ? [] : [imageOf(one, "NewImage", user)]),
  ]);

/** Whether the key decides the routing, so that it never changes and needs no image. */
const isByKey = (routing: OpensearchRouting, { change }: UpsertDelivery<object>): routing is string =>
  typeof routing === "string" && Object.hasOwn(change.record.dynamodb?.Keys ?? {}, routing);

/** The routing of a document; undefined if it is not known. */
export type KnownRouting = { readonly routing: string | undefined } | undefined;

/**
 * Returns where the item's document belongs as far as the record tells: by its key, its new image or its old image.
 * @throws {RecordError} MAPPING_FAILED when the user's function throws.
 * @throws {SinkError} SINK_REJECTED when there is no valid routing.
 */
export const knownRouting = (
  sink: string,
  routing: OpensearchRouting,
  delivery: UpsertDelivery<object>,
): KnownRouting => {
  const { Keys = {}, NewImage, OldImage } = delivery.change.record.dynamodb ?? {};
  const image = isByKey(routing, delivery) ? Keys : (NewImage ?? OldImage);
  return image && { routing: routingIn(sink, routing, image) };
};

/** Whether a repair sent the delivery. Its record has no old image: where the document was must be searched. */
export const isRepair = ({ change }: UpsertDelivery<object>): boolean =>
  change.origin === "backfill" && change.kind !== "insert" && change.record.dynamodb?.OldImage === undefined;

/**
 * Returns the routings of a repair. `found` are those at which the index shows a document. Undefined if there is no document,
 * and the record does not tell where a tombstone would belong.
 */
export const repairRoutings = (
  sink: string,
  routing: OpensearchRouting,
  delivery: UpsertDelivery<object>,
  found: readonly (string | undefined)[],
): Routings | undefined => {
  const known = knownRouting(sink, routing, delivery) ?? (found.length > 0 ? { routing: found[0] } : undefined);
  return known && { current: known.routing, left: found.filter((one) => one !== known.routing) };
};

/**
 * Returns where the item's document belongs, and where it was before.
 * @throws {RecordError} RECORD_INCOMPLETE when an image is missing, MAPPING_FAILED when the user's function throws.
 * @throws {SinkError} SINK_REJECTED when there is no valid routing.
 */
export const routingsOf = (sink: string, routing: OpensearchRouting, delivery: UpsertDelivery<object>): Routings => {
  const { change, message } = delivery;
  if (isByKey(routing, delivery)) {
    return { current: routingIn(sink, routing, change.record.dynamodb?.Keys ?? {}), left: [] };
  }
  const former = formerImages(delivery).map((image) => routingIn(sink, routing, image));
  const next = change.kind === "remove" ? [] : [routingIn(sink, routing, imageOf(change, "NewImage", user))];
  // A change that stops matching the route's filter is a removal. The document of a removal, or of the mark of a removed
  // item, is where the item was before.
  const [current] = message === undefined || change.kind === "remove" ? [...former.slice(-1), ...next] : next;
  const left = new Set<string | undefined>([...former, ...next]);
  left.delete(current);
  return { current, left: [...left] };
};
