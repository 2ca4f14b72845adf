// Turns a record of the Streams API (JSON, or parsed by the SDK) into a record of Lambda's event.

import type { AttributeValue, Image, StreamRecord } from "./change.ts";

/** A record that GetRecords returns: JSON, or parsed by the SDK. */
export interface StreamsApiRecord {
  readonly eventID?: string | undefined;
  readonly eventName?: string | undefined;
  readonly eventVersion?: string | undefined;
  readonly eventSource?: string | undefined;
  readonly awsRegion?: string | undefined;
  readonly dynamodb?:
    | (Omit<NonNullable<StreamRecord["dynamodb"]>, "ApproximateCreationDateTime"> & {
        readonly ApproximateCreationDateTime?: number | Date | undefined;
      })
    | undefined;
  readonly userIdentity?: { readonly Type?: string | undefined; readonly PrincipalId?: string | undefined } | undefined;
}

const identityOf = (record: StreamsApiRecord): Pick<StreamRecord, "userIdentity"> => {
  const { Type: type, PrincipalId: principalId } = record.userIdentity ?? {};
  if (type === undefined && principalId === undefined) return {};
  return { userIdentity: { ...(principalId !== undefined && { principalId }), ...(type !== undefined && { type }) } };
};

const base64 = (value: string | Uint8Array): string =>
  typeof value === "string" ? value : Buffer.from(value).toString("base64");

/**
 * The SDK parses an item's attribute `__proto__` as undefined, and loses its value. This value has no type, so the record is
 * rejected when it is decoded. Without it, the item would be copied as if it did not have the attribute.
 */
const lostValue = {} as AttributeValue;

/** Returns the value with its bytes as base64 text, at every depth. */
const wireValue = (value: AttributeValue | undefined): AttributeValue => {
  if (value === undefined) return lostValue;
  if ("B" in value) return { B: base64(value.B) };
  if ("BS" in value) return { BS: value.BS.map(base64) };
  if ("L" in value) return { L: value.L.map(wireValue) };
  if ("M" in value) return { M: copied(value.M) };
  return value;
};

const copied = (image: Image): Image =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, wireValue(value)]));

const isBytes = (value: string | Uint8Array): boolean => typeof value !== "string";

const isParsed = (value: AttributeValue | undefined): boolean => {
  if (value === undefined) return true;
  if ("M" in value) return holdsParsed(value.M);
  if ("L" in value) return value.L.some(isParsed);
  if ("B" in value) return isBytes(value.B);
  return "BS" in value && value.BS.some(isBytes);
};

/** Whether the image has bytes, or a value that the SDK lost. */
const holdsParsed = (image: Image): boolean => {
  for (const name in image) if (isParsed(image[name])) return true;
  return false;
};

/**
 * Returns an item that the SDK has parsed as Lambda's records have it: bytes are base64 text. An item without bytes is
 * not copied, because most items have none.
 */
export const wireImage = (image: Image): Image => (holdsParsed(image) ? copied(image) : image);

const wireImages = ({ Keys, NewImage, OldImage }: NonNullable<StreamsApiRecord["dynamodb"]>) => ({
  ...(Keys && { Keys: wireImage(Keys) }),
  ...(NewImage && { NewImage: wireImage(NewImage) }),
  ...(OldImage && { OldImage: wireImage(OldImage) }),
});

/** Undoes the SDK's parsing. A `Date` shows that the SDK has parsed the record; unparsed JSON has a number there. */
const wireDynamodb = (dynamodb: NonNullable<StreamsApiRecord["dynamodb"]>): NonNullable<StreamRecord["dynamodb"]> => {
  const { ApproximateCreationDateTime: at, ...rest } = dynamodb;
  if (!(at instanceof Date)) return dynamodb as NonNullable<StreamRecord["dynamodb"]>;
  return { ...rest, ...wireImages(dynamodb), ApproximateCreationDateTime: Math.floor(at.getTime() / 1_000) };
};

/** Returns the record as Lambda delivers it. */
export const lambdaRecord = (record: StreamsApiRecord, streamArn: string): StreamRecord => {
  const { userIdentity: _, dynamodb, ...rest } = record;
  return {
    ...(rest as StreamRecord),
    ...(dynamodb && { dynamodb: wireDynamodb(dynamodb) }),
    ...identityOf(record),
    eventSourceARN: streamArn,
  };
};
