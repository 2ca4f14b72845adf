// Reads the target table's description. Checks that the target table is not the table that the changes come from.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import { invalidOption, SinkError } from "@sluice/core/sink-kit";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";

/** A key attribute of a table. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

/** What the sink must know about the target table. */
export interface TargetTable {
  readonly arn: string;
  /** The key attributes, in the order of the key schema. */
  readonly keys: readonly KeyAttribute[];
  /** Regions of the other replicas, if the target is a global table. */
  readonly regions: readonly string[];
}

/**
 * Creates the error for an option that does not fit the table. The table may have been created again with another key,
 * and may soon be corrected. So the deliveries wait as for a missing table, and other routes go on.
 */
export const tableContradicts = ({ name }: DynamodbSettings, option: string, problem: string): SinkError =>
  new SinkError("SINK_MISSING", `[${name}] option "${option}" ${problem}`);

/** @throws {SinkError} SINK_MISSING when `guardAttribute` or `ttlAttribute` is a key attribute. */
const assertNoGuardInKey = (settings: DynamodbSettings, { keys }: TargetTable): void => {
  const { guardAttribute, ttlAttribute } = settings;
  for (const [option, attribute] of Object.entries({ guardAttribute, ttlAttribute })) {
    if (keys.some(({ name }) => name === attribute)) {
      throw tableContradicts(settings, option, `must not be "${attribute}", which is a key attribute of the target`);
    }
  }
};

/** Returns a table's key attributes, in the order of its key schema. */
export const keyAttributesOf = (table: TableDescription | undefined): KeyAttribute[] => {
  const types = new Map(table?.AttributeDefinitions?.map((given) => [given.AttributeName, given.AttributeType]));
  return (table?.KeySchema ?? []).map(({ AttributeName: name = "" }) => ({
    name,
    type: types.get(name) as KeyAttribute["type"],
  }));
};

/**
 * Reads the target's description. Rejects with the SDK's error, or with SINK_MISSING if the key schema is missing or
 * contradicts an option.
 */
export const describeTarget = async (
  settings: DynamodbSettings,
  call: CallDynamodb,
  signal: AbortSignal,
): Promise<TargetTable> => {
  const { Table: table } = await call("DescribeTable", { TableName: settings.table }, signal);
  const target: TargetTable = {
    arn: table?.TableArn ?? "",
    keys: keyAttributesOf(table),
    regions: (table?.Replicas ?? []).flatMap(({ RegionName }) => RegionName ?? []),
  };
  if (target.keys.length === 0 || target.arn === "") {
    throw new SinkError("SINK_MISSING", `[${settings.name}] DescribeTable answered no key schema or no ARN`);
  }
  assertNoGuardInKey(settings, target);
  return target;
};

const tableArn = /^arn:([^:]*):dynamodb:([^:]*):([^:]*):table\/([^/]+)/;

interface TableIdentity {
  readonly region: string | undefined;
  /** Partition, account and table name. They are the same for all replicas of a global table. */
  readonly global: string;
}

const identityOf = (arn: string): TableIdentity | undefined => {
  const match = tableArn.exec(arn);
  return match === null ? undefined : { region: match[2], global: [match[1], match[3], match[4]].join(":") };
};

/** Whether the target is the stream's table or a replica of it. If so, each write would cause another change. */
const isLoop = (target: TargetTable, streamArn: string): boolean => {
  const source = identityOf(streamArn);
  const own = identityOf(target.arn);
  if (source === undefined || source.global !== own?.global) return false;
  return source.region === own.region || target.regions.includes(source.region ?? "");
};

/**
 * Creates a function that checks the stream of a change. It throws ConfigError CONFIG_INVALID if the target is the
 * stream's table or a replica of it. Each write would then cause another change. Lambda does not detect such a loop.
 */
export const loopCheck = (target: TargetTable): ((streamArn: string | undefined) => void) => {
  const known = new Set<string | undefined>();
  return (streamArn) => {
    if (known.has(streamArn)) return;
    if (streamArn !== undefined && isLoop(target, streamArn)) {
      const problem = `is the source of the stream or a replica of it (${target.arn})`;
      throw invalidOption("table", `${problem}: each write would cause another change; expected another table`);
    }
    known.add(streamArn);
  };
};
