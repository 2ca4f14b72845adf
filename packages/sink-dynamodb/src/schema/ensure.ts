// Checks the target against the options, and sets up what is missing: TTL, and on request the table itself.

import { setTimeout } from "node:timers/promises";
import { SinkError } from "@sluice/core/sink-kit";
import { classify } from "../classify.ts";
import type { Call } from "../client/client.ts";
import { invalid, type Settings } from "../options.ts";

/** A key attribute of a table to be made. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

/** Options of `ensure`. */
export interface EnsureOptions {
  /** False: only say what would be done. Default true. */
  readonly apply?: boolean;
  /** Key schema that the table must have, and gets when it is missing: on-demand, with deletion protection off. */
  readonly create?: { readonly partitionKey: KeyAttribute; readonly sortKey?: KeyAttribute };
}

type Create = NonNullable<EnsureOptions["create"]>;

const pollMs = 250;
const maxPolls = 480;

const never = new AbortController().signal;

const told = ({ name, type }: KeyAttribute): string => `${name} ${type}`;

const keysOf = ({ partitionKey, sortKey }: Create): readonly KeyAttribute[] =>
  sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];

const tableInput = (settings: Settings, create: Create) => ({
  TableName: settings.table,
  BillingMode: "PAY_PER_REQUEST" as const,
  AttributeDefinitions: keysOf(create).map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
  KeySchema: keysOf(create).map(({ name }, index) => ({
    AttributeName: name,
    KeyType: index === 0 ? ("HASH" as const) : ("RANGE" as const),
  })),
});

type Table = Awaited<ReturnType<typeof describe>>;

/** The table; undefined when there is none. */
const describe = async ({ table, name }: Settings, call: Call) => {
  try {
    return (await call("DescribeTable", { TableName: table }, never)).Table;
  } catch (error) {
    const known = classify(name, error);
    if (known.code === "SINK_MISSING") return undefined;
    throw known;
  }
};

const untilActive = async (settings: Settings, call: Call): Promise<void> => {
  for (let polls = 0; polls < maxPolls; polls += 1) {
    if ((await describe(settings, call))?.TableStatus === "ACTIVE") return;
    await setTimeout(pollMs);
  }
  throw new SinkError("SINK_UNAVAILABLE", `[${settings.name}] the table is not active after ${maxPolls} looks`);
};

const checkSchema = (table: NonNullable<Table>, create: Create): void => {
  const types = new Map(table.AttributeDefinitions?.map((one) => [one.AttributeName, one.AttributeType]));
  const found = (table.KeySchema ?? []).map(
    ({ AttributeName = "" }) => `${AttributeName} ${types.get(AttributeName) ?? "?"}`,
  );
  const expected = keysOf(create).map(told);
  if (found.join() === expected.join()) return;
  throw invalid("create", `has the key ${expected.join(", ")}; the table's is ${found.join(", ")}`);
};

/** The attribute that TTL is set to; undefined when it is off. */
const currentTtl = async (settings: Settings, call: Call): Promise<string | undefined> => {
  const answer = await call("DescribeTimeToLive", { TableName: settings.table }, never);
  const { TimeToLiveStatus: status, AttributeName } = answer.TimeToLiveDescription ?? {};
  return status === "ENABLED" || status === "ENABLING" ? AttributeName : undefined;
};

const ensureTtl = async (settings: Settings, call: Call, apply: boolean): Promise<string[]> => {
  const { ttlAttribute, table } = settings;
  const current = await currentTtl(settings, call);
  if (current === ttlAttribute) return [];
  if (current !== undefined) {
    throw invalid("ttlAttribute", `is "${ttlAttribute}"; the table's TTL is on "${current}", and it can have only one`);
  }
  const TimeToLiveSpecification = { AttributeName: ttlAttribute, Enabled: true };
  if (apply) await call("UpdateTimeToLive", { TableName: table, TimeToLiveSpecification }, never);
  return [`UpdateTimeToLive ${table}: ${ttlAttribute}`];
};

const createTable = async (settings: Settings, call: Call, create: Create, apply: boolean): Promise<string[]> => {
  const actions = [`CreateTable ${settings.table}: ${keysOf(create).map(told).join(", ")}`];
  if (!apply) return [...actions, `UpdateTimeToLive ${settings.table}: ${settings.ttlAttribute}`];
  await call("CreateTable", tableInput(settings, create), never);
  await untilActive(settings, call);
  return [...actions, ...(await ensureTtl(settings, call, apply))];
};

/** What was missing, one line for each call; done unless `apply` is false. Empty: all is there. */
export const ensureTable = async (
  settings: Settings,
  call: Call,
  { apply = true, create }: EnsureOptions = {},
): Promise<readonly string[]> => {
  try {
    const table = await describe(settings, call);
    if (table === undefined) {
      if (create !== undefined) return await createTable(settings, call, create, apply);
      throw new SinkError("SINK_MISSING", `[${settings.name}] there is no table ${settings.table}; give "create"`);
    }
    if (create !== undefined) checkSchema(table, create);
    return await ensureTtl(settings, call, apply);
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("CONFIG_")) throw error;
    throw classify(settings.name, error);
  }
};
