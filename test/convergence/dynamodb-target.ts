// The DynamoDB sink as a target of the convergence suite. A target has one table and two variants of the sink. One
// variant uses the mapper of the sink, the other uses the mapper of the route.

import { CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { type AttributeValue, attributeToJson, type Image } from "@sluice/core/sink-kit";
import type { DynamodbEngine } from "@sluice/local";
import { type DynamodbClient, type DynamodbMessage, dynamodbSink, type LiveFilter } from "@sluice/sink-dynamodb";
import type { SpecimenItem } from "@sluice/testing";
import { exactJson } from "./exact-json.ts";
import type { Copy, Target } from "./target.ts";

/** A change to the target that causes a defect. */
export interface DynamodbMutation {
  /** Returns the client that the sinks use in place of the real client. */
  readonly client?: (real: DynamoDBClient) => DynamodbClient;
}

/**
 * Returns type and value as text, because DynamoDB distinguishes the text "1" from the number 1, and a set from a list.
 */
const textOf = (value: AttributeValue): string => {
  const [type = ""] = Object.keys(value);
  return `${type} ${exactJson(attributeToJson(value))}`;
};

const copyOf = (image: Image): Copy =>
  Object.fromEntries(
    Object.entries(image)
      .filter(([name]) => !name.startsWith("_sluice"))
      .map(([name, value]): [string, string] => [name, textOf(value)])
      .sort(([left], [right]) => (left < right ? -1 : 1)),
  );

/** Creates a table with the keys `pk` and `sk`. */
export const createTable = async (client: DynamoDBClient, TableName: string): Promise<void> => {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
};

const readAll = async (
  client: DynamoDBClient,
  TableName: string,
  filter: LiveFilter,
): Promise<ReadonlyMap<string, Copy>> => {
  const copies = new Map<string, Copy>();
  let start: Record<string, never> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({
        TableName,
        ConsistentRead: true,
        ...filter,
        ...(start !== undefined && { ExclusiveStartKey: start }),
      }),
    );
    for (const item of (page.Items ?? []) as Image[]) copies.set((item.pk as { S: string }).S, copyOf(item));
    start = page.LastEvaluatedKey as typeof start;
  } while (start !== undefined);
  return copies;
};

let opened = 0;

/** Opens a target with an empty table, or with a table that exists. */
export const openDynamodb = async (
  { clientConfig }: Pick<DynamodbEngine, "clientConfig">,
  mutation: DynamodbMutation = {},
  existing?: string,
): Promise<Target<DynamodbMessage>> => {
  const { client: mutateClient = (client) => client } = mutation;
  opened += 1;
  const table = existing ?? `convergence-${opened}`;
  const real = new DynamoDBClient({ ...clientConfig, maxAttempts: 1 });
  if (existing === undefined) await createTable(real, table);
  const client = mutateClient(real);
  const [mapped, whole] = [dynamodbSink({ client, table }), dynamodbSink({ client, table })];
  return {
    variants: [{ sink: mapped, map: ({ after }: { readonly after: SpecimenItem }) => after }, { sink: whole }],
    readAll: () => readAll(real, table, mapped.liveFilter),
    copyOf,
    close: async () => real.destroy(),
  };
};
