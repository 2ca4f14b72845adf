// Checks that the target table fits the options. Turns on TTL. Creates a missing table if option `create` is set.

import { setTimeout } from "node:timers/promises";
import type { TableDescription } from "@aws-sdk/client-dynamodb";
import {
  ConfigError,
  checkOptionNames,
  type EnsureOptions,
  invalidOption,
  SinkError,
  withoutDeadline,
} from "@sluice/core/sink-kit";
import { classify } from "../classify.ts";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";
import { type KeyAttribute, keyAttributesOf } from "./table.ts";

/** Options of `ensure`. */
export interface DynamodbEnsureOptions extends EnsureOptions {
  /** The table's key schema. A missing table is created with on-demand capacity and without deletion protection. */
  readonly create?: { readonly partitionKey: KeyAttribute; readonly sortKey?: KeyAttribute };
}

type KeySchema = NonNullable<DynamodbEnsureOptions["create"]>;

const pollMs = 250;
const maxPolls = 480;

const { signal } = withoutDeadline;

const describeKey = ({ name, type }: KeyAttribute): string => `${name} ${type}`;

const keysOf = ({ partitionKey, sortKey }: KeySchema): readonly KeyAttribute[] =>
  sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];

const tableInput = (settings: DynamodbSettings, create: KeySchema) => ({
  TableName: settings.table,
  BillingMode: "PAY_PER_REQUEST" as const,
  AttributeDefinitions: keysOf(create).map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
  KeySchema: keysOf(create).map(({ name }, index) => ({
    AttributeName: name,
    KeyType: index === 0 ? ("HASH" as const) : ("RANGE" as const),
  })),
});

/** Returns the table's description; undefined if the table does not exist. */
const describe = async ({ table, name }: DynamodbSettings, call: CallDynamodb) => {
  try {
    return (await call("DescribeTable", { TableName: table }, signal)).Table;
  } catch (error) {
    const known = classify(name, error);
    if (known.code === "SINK_MISSING") return undefined;
    throw known;
  }
};

const untilActive = async (settings: DynamodbSettings, call: CallDynamodb): Promise<void> => {
  for (let polls = 0; polls < maxPolls; polls += 1) {
    if ((await describe(settings, call))?.TableStatus === "ACTIVE") return;
    await setTimeout(pollMs);
  }
  const seconds = (maxPolls * pollMs) / 1_000;
  throw new SinkError("SINK_UNAVAILABLE", `[${settings.name}] the table is not active after ${seconds} seconds`);
};

const checkSchema = (table: TableDescription, create: KeySchema): void => {
  const found = keyAttributesOf(table).map(describeKey);
  const expected = keysOf(create).map(describeKey);
  if (found.join() === expected.join()) return;
  throw invalidOption("create", `has the key ${expected.join(", ")}; the table has the key ${found.join(", ")}`);
};

/** Returns the name of the table's TTL attribute; undefined if TTL is off. */
const currentTtl = async (settings: DynamodbSettings, call: CallDynamodb): Promise<string | undefined> => {
  const answer = await call("DescribeTimeToLive", { TableName: settings.table }, signal);
  const { TimeToLiveStatus: status, AttributeName } = answer.TimeToLiveDescription ?? {};
  return status === "ENABLED" || status === "ENABLING" ? AttributeName : undefined;
};

const ensureTtl = async (settings: DynamodbSettings, call: CallDynamodb, apply: boolean): Promise<string[]> => {
  const { ttlAttribute, table } = settings;
  const current = await currentTtl(settings, call);
  if (current === ttlAttribute) return [];
  if (current !== undefined) {
    const found = `the table's TTL is on "${current}", and a table has only one`;
    throw invalidOption("ttlAttribute", `is "${ttlAttribute}"; ${found}`);
  }
  const TimeToLiveSpecification = { AttributeName: ttlAttribute, Enabled: true };
  if (apply) await call("UpdateTimeToLive", { TableName: table, TimeToLiveSpecification }, signal);
  return [`UpdateTimeToLive ${table}: ${ttlAttribute}`];
};

const createTable = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  create: KeySchema,
  apply: boolean,
): Promise<string[]> => {
  const actions = [`CreateTable ${settings.table}: ${keysOf(create).map(describeKey).join(", ")}`];
  if (!apply) return [...actions, `UpdateTimeToLive ${settings.table}: ${settings.ttlAttribute}`];
  await call("CreateTable", tableInput(settings, create), signal);
  await untilActive(settings, call);
  return [...actions, ...(await ensureTtl(settings, call, apply))];
};

/** Finds the necessary changes. Makes them unless `apply` is false. Returns one line of text for each change. */
export const ensureTable = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  options: DynamodbEnsureOptions = {},
): Promise<readonly string[]> => {
  checkOptionNames("ensure", options, { apply: true, create: true });
  const { apply = true, create } = options;
  if (create !== undefined) checkOptionNames("ensure({ create })", create, { partitionKey: true, sortKey: true });
  try {
    const table = await describe(settings, call);
    if (table === undefined) {
      if (create !== undefined) return await createTable(settings, call, create, apply);
      const message = `[${settings.name}] table ${settings.table} does not exist; option "create" creates it`;
      throw new SinkError("SINK_MISSING", message);
    }
    if (create !== undefined) checkSchema(table, create);
    return await ensureTtl(settings, call, apply);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw classify(settings.name, error);
  }
};
