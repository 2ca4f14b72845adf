// What the sink must know of its target before it writes: the key schema, and that it is not the source.

import { ConfigError, SinkError } from "@sluice/core/sink-kit";
import type { Call } from "../client/client.ts";
import { invalid, type Settings } from "../options.ts";

/** A key attribute of the target, in the order of the schema. */
export interface KeyColumn {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

/** The target as DynamoDB describes it. */
export interface Target {
  readonly arn: string;
  readonly keys: readonly KeyColumn[];
  /** Regions of its other replicas, where it is a global table. */
  readonly regions: readonly string[];
}

/** @throws {ConfigError} CONFIG_INVALID when the guard's attributes are those of the key */
const assertNoGuardInKey = ({ guardAttribute, ttlAttribute }: Settings, { keys }: Target): void => {
  for (const [option, attribute] of Object.entries({ guardAttribute, ttlAttribute })) {
    if (keys.some(({ name }) => name === attribute)) {
      throw invalid(option, `must not be "${attribute}", which is a key attribute of the target`);
    }
  }
};

/** Describes the target. Rejects with what the SDK throws, or SINK_MISSING when the answer has no key schema. */
export const describeTarget = async (settings: Settings, call: Call, signal: AbortSignal): Promise<Target> => {
  const { Table: table } = await call("DescribeTable", { TableName: settings.table }, signal);
  const types = new Map(table?.AttributeDefinitions?.map((given) => [given.AttributeName, given.AttributeType]));
  const target: Target = {
    arn: table?.TableArn ?? "",
    keys: (table?.KeySchema ?? []).map(({ AttributeName: name = "" }) => ({
      name,
      type: types.get(name) as KeyColumn["type"],
    })),
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
  /** Partition, account and name: equal for the replicas of a global table. */
  readonly everywhere: string;
}

const identityOf = (arn: string): TableIdentity | undefined => {
  const match = tableArn.exec(arn);
  return match === null ? undefined : { region: match[2], everywhere: [match[1], match[3], match[4]].join(":") };
};

/** Whether what is written to the target comes back as a change of the source. */
const feedsItself = (target: Target, streamArn: string): boolean => {
  const source = identityOf(streamArn);
  const own = identityOf(target.arn);
  if (source === undefined || source.everywhere !== own?.everywhere) return false;
  return source.region === own.region || target.regions.includes(source.region ?? "");
};

/**
 * Makes a check of the streams that changes come from; each is looked at once.
 * @throws {ConfigError} CONFIG_INVALID when the target is the table of that stream, or a replica of it: Lambda does not
 * detect the loop that would be.
 */
export const loopCheck = (target: Target): ((streamArn: string | undefined) => void) => {
  const known = new Set<string | undefined>();
  return (streamArn) => {
    if (known.has(streamArn)) return;
    if (streamArn !== undefined && feedsItself(target, streamArn)) {
      throw new ConfigError(
        "CONFIG_INVALID",
        `option "table" is the source of the stream or a replica of it (${target.arn}): each write would come back as a change; expected another table`,
      );
    }
    known.add(streamArn);
  };
};
