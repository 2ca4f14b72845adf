// Creates a change from a record. Required fields are checked at once, and images are decoded when they are read.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { disregard, isThenable } from "../async/thenable.ts";
import { ConfigError, RecordError } from "../errors.ts";
import type {
  Change,
  ChangeKind,
  Image,
  KeyValue,
  LiveChange,
  Origin,
  StreamRecord,
  StreamViewType,
  UnknownItem,
} from "./change.ts";
import { decodeImage } from "./decode.ts";
import { itemKeyOf, streamArnOf, streamEpoch, versionOf } from "./version.ts";

const kinds: ReadonlyMap<unknown, ChangeKind> = new Map([
  ["INSERT", "insert"],
  ["MODIFY", "modify"],
  ["REMOVE", "remove"],
]);

const viewTypes: readonly StreamViewType[] = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"];

const malformed = (found: string, expected: string): RecordError =>
  new RecordError("RECORD_MALFORMED", `${found}; expected ${expected}`);

/** Lambda always sets the view type. If it is missing, as in a handwritten record, the images determine it. */
const viewTypeOf = (record: StreamRecord, kind: ChangeKind): StreamViewType => {
  const given = record.dynamodb?.StreamViewType;
  if (given !== undefined) {
    if (!viewTypes.includes(given)) throw malformed("StreamViewType is unknown", viewTypes.join(", "));
    return given;
  }
  const hasNew = record.dynamodb?.NewImage !== undefined || kind === "remove";
  const hasOld = record.dynamodb?.OldImage !== undefined || kind === "insert";
  if (hasNew) return hasOld ? "NEW_AND_OLD_IMAGES" : "NEW_IMAGE";
  return hasOld ? "OLD_IMAGE" : "KEYS_ONLY";
};

const kindOf = (record: StreamRecord | null | undefined): ChangeKind => {
  const kind = kinds.get(record?.eventName);
  if (kind === undefined) throw malformed("eventName is missing or unknown", "INSERT, MODIFY or REMOVE");
  return kind;
};

/** A forged record may have a list, a number or a long text, which would be decoded as an item without attributes. */
const isImage = (image: unknown): image is Image =>
  typeof image === "object" && image !== null && !Array.isArray(image);

const keysOf = (record: StreamRecord): Image => {
  const keys = record.dynamodb?.Keys;
  if (!isImage(keys) || Object.keys(keys).length === 0) {
    throw malformed("dynamodb.Keys is missing, empty or no object", "the item's key attributes");
  }
  return keys;
};

const textOf = (text: string | undefined, member: string, expected: string): string => {
  if (typeof text !== "string") throw malformed(`${member} is missing`, expected);
  return text;
};

/** Without this check, a forged record could have an object as the id of its deliveries. */
const checkEventId = (eventId: unknown): void => {
  if (eventId === undefined || eventId === null || (typeof eventId === "string" && eventId !== "")) return;
  throw malformed("eventID is not a text, or is empty", "the id of the event");
};

/** Creates an error that names only the paths of the issues, because a schema's messages may quote values. */
const mismatch = (issues: readonly StandardSchemaV1.Issue[]): RecordError => {
  const paths = issues.map(({ path = [] }) =>
    path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
  );
  const named = [...new Set(paths)].slice(0, 5).map((path) => (path === "" ? "the item itself" : path));
  return new RecordError("RECORD_MISMATCH", `the item does not match the schema at ${named.join(", ")}`);
};

/** Decodes an image, and parses it by the schema if there is one. */
const parse = <Item>(image: Image, schema: StandardSchemaV1<unknown, Item> | undefined): Item => {
  const item = decodeImage(image);
  if (schema === undefined) return item as Item;
  const result = schema["~standard"].validate(item);
  if (isThenable(result)) {
    disregard(result);
    throw new ConfigError("CONFIG_INVALID", 'option "schema" validates asynchronously; expected a synchronous schema');
  }
  if (result.issues !== undefined) throw mismatch(result.issues);
  return result.value;
};

/** Returns the image. The error depends on the cause: the view type excludes the image, or the image is missing. */
const requiredImage = (side: "new" | "old", viewType: StreamViewType, image: Image | undefined): Image => {
  if (isImage(image)) return image;
  if (image !== undefined) throw malformed(`the ${side} image is no object`, "the item's attributes");
  if (carries(viewType, side))
    throw malformed(`the ${side} image is missing`, `an image for the view type ${viewType}`);
  const better = side === "new" ? "NEW_IMAGE" : "OLD_IMAGE";
  throw new RecordError(
    "RECORD_INCOMPLETE",
    `the stream's view type is ${viewType}, which has no ${side} image; expected ${better} or NEW_AND_OLD_IMAGES`,
  );
};

/** Whether records of this view type have the old or the new image. */
export const carries = (viewType: StreamViewType, side: "new" | "old"): boolean =>
  viewType === "NEW_AND_OLD_IMAGES" || viewType === (side === "new" ? "NEW_IMAGE" : "OLD_IMAGE");

type ParsedItem<Item> = { readonly item: Item } | { readonly error: unknown };

const itemOf = <Item>(result: ParsedItem<Item>): Item => {
  if ("error" in result) throw result.error;
  return result.item;
};

/** This is a class, because creating an object literal with getters takes three times as long (bench: `core`). */
class DecodedChange<Item> implements Change<Item> {
  readonly kind: ChangeKind;
  readonly itemKey: string;
  readonly version: string;
  readonly sequenceNumber: string;
  readonly origin: Origin;
  readonly viewType: StreamViewType;
  readonly record: StreamRecord;
  readonly #schema: StandardSchemaV1<unknown, Item> | undefined;
  #keys: Change["keys"] | undefined = undefined;
  #after: ParsedItem<Item> | undefined = undefined;
  #before: ParsedItem<Item> | undefined = undefined;

  constructor(
    record: StreamRecord,
    origin: Origin,
    schema: StandardSchemaV1<unknown, Item> | undefined,
    epoch: string | undefined,
  ) {
    this.kind = kindOf(record);
    this.itemKey = itemKeyOf(keysOf(record));
    checkEventId(record.eventID);
    this.sequenceNumber = textOf(record.dynamodb?.SequenceNumber, "dynamodb.SequenceNumber", "its digits as text");
    this.version = versionOf(epoch ?? streamEpoch(streamArnOf(record)), this.sequenceNumber);
    this.origin = origin;
    this.viewType = viewTypeOf(record, this.kind);
    this.record = record;
    this.#schema = schema;
  }

  get keys(): Change["keys"] {
    this.#keys ??= decodeImage(this.record.dynamodb?.Keys as Image) as { readonly [attribute: string]: KeyValue };
    return this.#keys;
  }

  get after(): Item | undefined {
    if (this.kind === "remove") return undefined;
    this.#after ??= this.#parse("new", this.record.dynamodb?.NewImage);
    return itemOf(this.#after);
  }

  get before(): Item | undefined {
    if (this.kind === "insert") return undefined;
    this.#before ??= this.#parse("old", this.record.dynamodb?.OldImage);
    return itemOf(this.#before);
  }

  #parse(side: "new" | "old", image: Image | undefined): ParsedItem<Item> {
    try {
      return { item: parse(requiredImage(side, this.viewType, image), this.#schema) };
    } catch (error) {
      return { error };
    }
  }

  get eventId(): string {
    return this.record.eventID ?? this.version;
  }

  get isTtlRemoval(): boolean {
    const { type, principalId } = this.record.userIdentity ?? {};
    return this.kind === "remove" && type === "Service" && principalId === "dynamodb.amazonaws.com";
  }

  get approximateCreationTimeMs(): number {
    const seconds: unknown = this.record.dynamodb?.ApproximateCreationDateTime;
    return typeof seconds === "number" ? seconds * 1000 : 0;
  }
}

/**
 * Decodes a record into a change. `epoch` is the first part of the version; by default the creation time of the stream.
 * @throws {RecordError} RECORD_MALFORMED when the event name, keys, sequence number or stream ARN are missing or wrong.
 */
export const decodeRecord = <Item = UnknownItem>(
  record: StreamRecord,
  origin: Origin = "stream",
  schema?: StandardSchemaV1<unknown, Item>,
  epoch?: string,
): Change<Item> => new DecodedChange(record, origin, schema, epoch);

/** Returns a change that inserts the old image. If a mapper accepts this insert, the target may have a copy. */
export const priorState = <Item>(
  change: Change<Item>,
  schema: StandardSchemaV1<unknown, Item> | undefined,
): LiveChange<Item> => {
  const { NewImage: _, OldImage: image, ...rest } = change.record.dynamodb ?? {};
  const record: StreamRecord = {
    ...change.record,
    eventName: "INSERT",
    dynamodb: { ...rest, ...(image && { NewImage: image }) },
  };
  const [epoch] = change.version.split("-");
  return decodeRecord(record, change.origin, schema, epoch) as LiveChange<Item>;
};

/** Returns an image of the record, not decoded. Throws if the record does not have it. */
export const imageOf = ({ record, viewType }: Change<unknown>, side: "new" | "old"): Image =>
  requiredImage(side, viewType, side === "new" ? record.dynamodb?.NewImage : record.dynamodb?.OldImage);

/** Throws unless the record has the new image. Does not decode the image. */
export const assertNewImage = (change: Change<unknown>): void => {
  requiredImage("new", change.viewType, change.record.dynamodb?.NewImage);
};
