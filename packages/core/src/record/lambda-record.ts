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

const wireList = (values: readonly AttributeValue[]): readonly AttributeValue[] => {
  const wired = values.map(wireValue);
  return wired.some((value, index) => value !== values[index]) ? wired : values;
};

/** Returns the value with its bytes as base64 text, at every depth. A value without bytes is returned as it is. */
const wireValue = (value: AttributeValue): AttributeValue => {
  if ("B" in value && typeof value.B !== "string") return { B: base64(value.B) };
  if ("BS" in value && value.BS.some((member) => typeof member !== "string")) return { BS: value.BS.map(base64) };
  if ("L" in value) {
    const list = wireList(value.L);
    return list === value.L ? value : { L: list };
  }
  if ("M" in value) {
    const map = wireImage(value.M);
    return map === value.M ? value : { M: map };
  }
  return value;
};

/**
 * Returns an item that the SDK has parsed as Lambda's records have it: bytes are base64 text. An item without bytes is
 * not copied.
 */
export const wireImage = (image: Image): Image => {
  const entries = Object.entries(image).map(([name, value]) => [name, wireValue(value)] as const);
  return entries.some(([name, value]) => value !== image[name]) ? Object.fromEntries(entries) : image;
};

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
