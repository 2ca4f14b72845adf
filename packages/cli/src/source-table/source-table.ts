// The table that a pipeline replicates, as DynamoDB describes it.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import { failing } from "../aws/aws-failure.ts";
import { CommandError } from "../command-line/command-error.ts";

/** The method of the SDK's client `DynamoDB` that describes a table. You may pass your own client of that class. */
export interface DescribingClient {
  readonly describeTable: (input: { TableName: string }) => Promise<{ readonly Table?: TableDescription | undefined }>;
}

/** A table. */
export interface SourceTable {
  readonly name: string;
  /**
   * How requests name the table: by its ARN if the user gave an ARN. The caller's own account may have another table of this
   * name.
   */
  readonly address: string;
  readonly arn: string;
  /** The latest stream. Undefined if the table never had one. */
  readonly streamArn: string | undefined;
  /** `NEW_IMAGE` and so on. Undefined if the stream is disabled. */
  readonly streamViewType: string | undefined;
  /** Names of the key attributes, the partition key first. */
  readonly keyNames: readonly string[];
  readonly keyTypes: { readonly [attribute: string]: "S" | "N" | "B" };
  /** Number of items, some hours ago. */
  readonly itemCount: number;
  /** Bytes of the items, some hours ago. */
  readonly sizeBytes: number;
  /** Provisioned read capacity units per second. Undefined if the table is billed on demand. */
  readonly provisionedReadUnits: number | undefined;
}

const tableOf = (name: string, table: TableDescription | undefined): SourceTable => {
  const {
    TableArn,
    KeySchema = [],
    AttributeDefinitions = [],
    BillingModeSummary,
    ProvisionedThroughput,
  } = table ?? {};
  if (TableArn === undefined)
    throw new CommandError(`the table ${name} has no ARN; expected DynamoDB's description of it`);
  const keyNames = KeySchema.map(({ AttributeName = "" }) => AttributeName);
  const typeOf = new Map(AttributeDefinitions.map((one) => [one.AttributeName, one.AttributeType]));
  const isOnDemand = BillingModeSummary?.BillingMode === "PAY_PER_REQUEST";
  return {
    name: table?.TableName ?? name,
    address: name,
    arn: TableArn,
    streamArn: table?.LatestStreamArn,
    streamViewType: table?.StreamSpecification?.StreamEnabled ? table.StreamSpecification.StreamViewType : undefined,
    keyNames,
    keyTypes: Object.fromEntries(keyNames.map((key) => [key, (typeOf.get(key) ?? "S") as "S" | "N" | "B"])),
    itemCount: table?.ItemCount ?? 0,
    sizeBytes: table?.TableSizeBytes ?? 0,
    provisionedReadUnits: isOnDemand ? undefined : ProvisionedThroughput?.ReadCapacityUnits || undefined,
  };
};

/** Describes a table. `name` may be the table's ARN. @throws {CommandError} when there is no such table, or no access */
export const describeTable = async (client: DescribingClient, name: string): Promise<SourceTable> => {
  const { Table } = await client.describeTable({ TableName: name }).catch(failing(`the table ${name}`));
  return tableOf(name, Table);
};

/** Returns the ARN of the table's stream. @throws {CommandError} when the table has none */
export const streamOf = ({ name, streamArn }: SourceTable): string => {
  if (streamArn !== undefined) return streamArn;
  throw new CommandError(
    `the table ${name} has no stream, so nothing keeps its copies up to date; expected a table with a stream that the pipeline's function consumes`,
  );
};
