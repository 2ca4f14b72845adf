// Whether the mapping reads the table's stream, and who reads it besides. The view type is judged by the rules.

import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { knownValue } from "../../aws/answer.ts";
import { command, createMapping, updateMapping } from "../command.ts";
import type { Facts, StreamFacts } from "../facts.ts";
import type { Check, Finding } from "../finding.ts";
import { nameOf } from "../function-name.ts";
import { judgeAnswer } from "./answered.ts";

const area = "stream";

const tableMissing = ({ tableName }: StreamFacts): Finding => ({
  code: "TABLE_MISSING",
  area,
  level: "fail",
  resource: tableName,
  found: "no table of this name",
  expected: "the table whose stream the mapping reads",
  fix: command(
    "aws",
    "dynamodb",
    "restore-table-to-point-in-time",
    "--source-table-name",
    tableName,
    "--target-table-name",
    tableName,
    "--use-latest-restorable-time",
  ),
});

const labelOf = (streamArn: string): string => streamArn.split("/stream/")[1] ?? streamArn;

/** Creates a mapping of the new stream with the settings of the old one. Filters stay out: they have values of items. */
const moveMapping = (
  latest: string,
  { function: { name } }: Facts,
  mapping: EventSourceMappingConfiguration,
): string => {
  const create = createMapping(name, latest, {
    batchSize: mapping.BatchSize ?? 100,
    windowSeconds: mapping.MaximumBatchingWindowInSeconds ?? 0,
    factor: mapping.ParallelizationFactor ?? 1,
  });
  const filters = (mapping.FilterCriteria?.Filters ?? []).length > 0 ? " --filter-criteria file://filters.json" : "";
  const target = mapping.DestinationConfig?.OnFailure?.Destination;
  const destination =
    target === undefined
      ? ""
      : ` ${command("--destination-config", JSON.stringify({ OnFailure: { Destination: target } }))}`;
  const remove = command("aws", "lambda", "delete-event-source-mapping", "--uuid", mapping.UUID ?? "");
  return `${create}${destination}${filters} && ${remove}`;
};

const dead = (stream: StreamFacts, facts: Facts): readonly Finding[] => {
  const table = knownValue(stream.table);
  const latest = table?.LatestStreamArn;
  // Without a stream, the rule STREAM_MISSING says what to do first.
  if (!table?.StreamSpecification?.StreamEnabled || latest === undefined || latest === stream.streamArn) return [];
  const mapping = knownValue(facts.function.mappings)?.find(
    ({ EventSourceArn }) => EventSourceArn === stream.streamArn,
  );
  if (mapping === undefined) return [];
  return [
    {
      code: "STREAM_DEAD",
      area,
      level: "fail",
      resource: stream.tableName,
      found: `a mapping that reads the stream ${labelOf(stream.streamArn)}, which gets no changes any more`,
      expected: `the table's latest stream, ${labelOf(latest)}`,
      fix: moveMapping(latest, facts, mapping),
    },
  ];
};

const source: Check<Facts> = {
  area,
  codes: ["TABLE_MISSING", "STREAM_DEAD"],
  findings: (facts) =>
    facts.streams.flatMap((stream) =>
      judgeAnswer(stream.table, [area, stream.tableName], (table) =>
        table === undefined ? [tableMissing(stream)] : dead(stream, facts),
      ),
    ),
};

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html (read 2026-11-28) */
const mostReaders = { table: 2, globalTable: 1 };

const readersOf = (
  stream: StreamFacts,
  all: readonly EventSourceMappingConfiguration[],
  facts: Facts,
): readonly Finding[] => {
  const isGlobal = (knownValue(stream.table)?.Replicas ?? []).length > 0;
  const most = isGlobal ? mostReaders.globalTable : mostReaders.table;
  const readers = all.filter(({ State }) => State !== "Disabled");
  if (readers.length <= most) return [];
  const own = new Set((knownValue(facts.function.mappings) ?? []).map(({ UUID }) => UUID));
  const others = readers.filter(({ UUID }) => !own.has(UUID));
  const names = readers.map(({ FunctionArn = "" }) => nameOf(FunctionArn));
  return [
    {
      code: "READERS_TOO_MANY",
      area,
      level: "warn",
      resource: stream.streamArn,
      found: `${readers.length} mappings read the stream: ${names.join(", ")}`,
      expected: `at most ${most}${isGlobal ? " for a global table" : ""}: more are throttled, and fall behind`,
      // One command for each reader besides this function: the user chooses.
      fix: others.map(({ UUID = "" }) => updateMapping(UUID, "--no-enabled")).join("\n"),
    },
  ];
};

const readers: Check<Facts> = {
  area,
  codes: ["READERS_TOO_MANY"],
  findings: (facts) =>
    facts.streams.flatMap((stream) =>
      judgeAnswer(stream.readers, [area, stream.streamArn], (all) => readersOf(stream, all, facts)),
    ),
};

/** The checks. */
export const streamChecks: readonly Check<Facts>[] = [source, readers];
