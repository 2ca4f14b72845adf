// The source table: created with a stream if it is missing.

import { type DynamoDB, waitUntilTableExists } from "@aws-sdk/client-dynamodb";
import { DevError } from "../dev-error.ts";
import type { KeyAttribute, TableKey } from "../worker/messages.ts";

/** The source table of a pipeline. */
export interface SourceTable {
  readonly name: string;
  readonly key: TableKey;
  readonly streamArn: string;
  readonly isNew: boolean;
}

const stream = { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" } as const;

const describe = async (client: DynamoDB, name: string) => {
  try {
    return (await client.describeTable({ TableName: name })).Table;
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException") return undefined;
    throw error;
  }
};

const attributesOf = (key: TableKey): readonly KeyAttribute[] => key.filter((attribute) => attribute !== undefined);

/** `id (S)`, or `pk (S) and sk (S)` */
export const keyText = (key: TableKey): string =>
  attributesOf(key)
    .map(({ name, type }) => `${name} (${type})`)
    .join(" and ");

const create = async (client: DynamoDB, name: string, key: TableKey): Promise<void> => {
  const attributes = attributesOf(key);
  await client.createTable({
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: attributes.map((one) => ({ AttributeName: one.name, AttributeType: one.type })),
    KeySchema: attributes.map((one, index) => ({ AttributeName: one.name, KeyType: index === 0 ? "HASH" : "RANGE" })),
    StreamSpecification: stream,
  });
  await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 0.05, maxDelay: 1 }, { TableName: name });
};

type Description = NonNullable<Awaited<ReturnType<typeof describe>>>;

const keyOf = ({ KeySchema = [], AttributeDefinitions = [] }: Description): TableKey => {
  const attributes = KeySchema.map(({ AttributeName: name = "" }): KeyAttribute => {
    const type = AttributeDefinitions.find((one) => one.AttributeName === name)?.AttributeType ?? "S";
    return { name, type: type as KeyAttribute["type"] };
  });
  return attributes as unknown as TableKey;
};

const isSameKey = (one: TableKey, other: TableKey): boolean => keyText(one) === keyText(other);

/** Describes the table, until its stream has an ARN. */
const withStream = async (client: DynamoDB, name: string): Promise<Description> => {
  const found = await describe(client, name);
  if (found === undefined) throw new DevError(`the table ${name} is gone; expected it to stay`);
  if (found.LatestStreamArn !== undefined && found.StreamSpecification?.StreamEnabled === true) return found;
  throw new DevError(
    `the table ${name} has no stream; expected one with NEW_AND_OLD_IMAGES: aws dynamodb update-table --table-name ${name} ` +
      "--stream-specification StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES",
  );
};

/**
 * Opens the table, and creates it if it is missing. A table that exists is left as it is.
 * @throws {DevError} when it has another key than the given one, or no stream
 */
export const openTable = async (
  client: DynamoDB,
  name: string,
  wanted: { readonly key: TableKey; readonly isGiven: boolean },
): Promise<SourceTable> => {
  const isNew = (await describe(client, name)) === undefined;
  if (isNew) await create(client, name, wanted.key);
  const found = await withStream(client, name);
  const key = keyOf(found);
  if (wanted.isGiven && !isSameKey(key, wanted.key)) {
    throw new DevError(`the table ${name} has the key ${keyText(key)}; --key says ${keyText(wanted.key)}`);
  }
  return { name, key, streamArn: found.LatestStreamArn ?? "", isNew };
};
