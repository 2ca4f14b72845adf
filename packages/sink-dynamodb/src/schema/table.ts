// The target's description: its key schema, and the check that the target is not the source.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import { invalidOption, SinkError } from "@sluice/core/sink-kit";
import type { CallDynamodb } from "../client/client.ts";
import type { DynamodbSettings } from "../options.ts";

/** A key attribute of a table. */
export interface KeyAttribute {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

/** The target as DynamoDB describes it. */
export interface TargetTable {
  readonly arn: string;
  /** In the order of the key schema. */
  readonly keys: readonly KeyAttribute[];
  /** Regions of the other replicas, if the target is a global table. */
  readonly regions: readonly string[];
}

/** @throws {ConfigError} CONFIG_INVALID when an attribute of the guard is also a key attribute. */
const assertNoGuardInKey = ({ guardAttribute, ttlAttribute }: DynamodbSettings, { keys }: TargetTable): void => {
  for (const [option, attribute] of Object.entries({ guardAttribute, ttlAttribute })) {
    if (keys.some(({ name }) => name === attribute)) {
      throw invalidOption(option, `must not be "${attribute}", which is a key attribute of the target`);
    }
  }
};

/** The key attributes in a table's description, in the order of the key schema. */
export const keyAttributesOf = (table: TableDescription | undefined): KeyAttribute[] => {
  const types = new Map(table?.AttributeDefinitions?.map((given) => [given.AttributeName, given.AttributeType]));
  return (table?.KeySchema ?? []).map(({ AttributeName: name = "" }) => ({
    name,
    type: types.get(name) as KeyAttribute["type"],
  }));
};

/** Describes the target. Rejects with the SDK's error, or with SINK_MISSING if the answer has no key schema. */
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
  /** Partition, account and name, which all replicas of a global table share. */
  readonly global: string;
}

const identityOf = (arn: string): TableIdentity | undefined => {
  const match = tableArn.exec(arn);
  return match === null ? undefined : { region: match[2], global: [match[1], match[3], match[4]].join(":") };
};

/** Whether every write to the target causes a change in the source. */
const isLoop = (target: TargetTable, streamArn: string): boolean => {
  const source = identityOf(streamArn);
  const own = identityOf(target.arn);
  if (source === undefined || source.global !== own?.global) return false;
  return source.region === own.region || target.regions.includes(source.region ?? "");
};

/**
 * Creates a check of the streams that changes come from. Each stream is checked once. The check throws ConfigError
 * CONFIG_INVALID if the target is the table of the stream, or its replica. Lambda does not detect such a loop.
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
