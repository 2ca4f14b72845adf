// The table of a run, as DynamoDB describes it.

import type { RecordOrigin } from "@sluice/backfill";
import { ConfigError } from "@sluice/core/sink-kit";
import type { SourceTableReader } from "./clients.ts";

/** The table of a run. */
export interface TableOfRun {
  readonly name: string;
  readonly streamArn: string;
  /** Undefined if the stream is disabled. */
  readonly streamViewType: string | undefined;
  readonly origin: RecordOrigin;
  readonly keyTypes: { readonly [attribute: string]: "S" | "N" | "B" };
  readonly bytes: number;
  /** Provisioned read capacity units per second. Undefined if the table is billed on demand. */
  readonly provisionedUnits: number | undefined;
}

/** Creates the error of a run that may not start. */
export const refused = (problem: string): ConfigError => new ConfigError("CONFIG_INVALID", problem);

/** Describes a table. @throws {ConfigError} CONFIG_INVALID when the table never had a stream. */
export const tableOfRun = async (client: SourceTableReader, name: string, run: string): Promise<TableOfRun> => {
  const { Table = {} } = await client.describeTable({ TableName: name });
  const { LatestStreamArn: streamArn, StreamSpecification, KeySchema = [], AttributeDefinitions = [] } = Table;
  if (streamArn === undefined) {
    throw refused(`the table ${name} has no stream; expected an enabled stream, which the pipeline's function reads`);
  }
  const isOnDemand = Table.BillingModeSummary?.BillingMode === "PAY_PER_REQUEST";
  const keyNames = KeySchema.map(({ AttributeName = "" }) => AttributeName);
  const types = new Map(AttributeDefinitions.map((one) => [one.AttributeName, one.AttributeType as "S" | "N" | "B"]));
  return {
    name,
    streamArn,
    streamViewType: StreamSpecification?.StreamEnabled ? StreamSpecification.StreamViewType : undefined,
    origin: { run, streamArn, keyNames },
    keyTypes: Object.fromEntries(keyNames.map((key) => [key, types.get(key) ?? "S"])),
    bytes: Table.TableSizeBytes ?? 0,
    provisionedUnits: isOnDemand ? undefined : Table.ProvisionedThroughput?.ReadCapacityUnits || undefined,
  };
};
