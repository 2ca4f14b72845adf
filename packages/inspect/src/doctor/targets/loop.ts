// Whether a route writes the table from whose stream the function reads. Each write would then cause another change.

import type { SinkResource } from "@sluice/core/sink-kit";
import { isAnswered } from "../../aws/answer.ts";
import type { StreamFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";

const tablePattern = /^arn:[\w-]+:dynamodb:([\w-]+):(\d*):table\/([^/]+)/;

/** A table by its ARN. */
interface Table {
  readonly region: string;
  readonly account: string;
  readonly name: string;
}

const tableIn = (arn: string): Table | undefined => {
  const [, region, account, name] = tablePattern.exec(arn) ?? [];
  return region === undefined || account === undefined || name === undefined ? undefined : { region, account, name };
};

/** The table that a sink writes. A name alone is that of a table in the function's region and account. */
const targetTable = (address: string, source: Table): Table | undefined =>
  address.startsWith("arn:") ? tableIn(address) : { ...source, name: address };

const replicasOf = ({ table }: StreamFacts): readonly string[] =>
  isAnswered(table) ? (table.value?.Replicas ?? []).flatMap(({ RegionName }) => RegionName ?? []) : [];

const loops = ({ address }: SinkResource, stream: StreamFacts): boolean => {
  const source = tableIn(stream.streamArn);
  const target = source && targetTable(address, source);
  if (source === undefined || target?.name !== source.name || target.account !== source.account) return false;
  return target.region === source.region || replicasOf(stream).includes(target.region);
};

/** Judges the table that a route writes. */
export const loopFindings = (
  route: string,
  resource: SinkResource | undefined,
  streams: readonly StreamFacts[],
): readonly Finding[] => {
  if (resource?.service !== "dynamodb") return [];
  return streams
    .filter((stream) => loops(resource, stream))
    .map(({ tableName }) => ({
      code: "TARGET_LOOP",
      area: "target",
      level: "fail",
      resource: route,
      found: `the route writes the table ${tableName}, from whose stream the function reads, or a replica of it`,
      expected: "another table: each write would cause another change",
      fix: "Name another table in the option table of dynamodbSink.",
    }));
};
