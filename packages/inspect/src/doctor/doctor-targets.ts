// Judges the targets of a pipeline that has no function yet: on the machine of whoever writes it.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import type { Pipeline } from "@sluice/core";
import { type Answer, ask, isAnswered, knownValue, type Unanswered } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { type Check, type Finding, openQuestion } from "./finding.ts";
import { type Judgement, judge } from "./judge.ts";
import { type TargetFacts, targetsCheck } from "./targets/targets-check.ts";
import { type TombstoneFacts, tombstonesCheck } from "./targets/tombstones.ts";

/** Options of `doctorTargets`. */
export interface DoctorTargetsOptions {
  readonly clients: Pick<Clients, "dynamodb">;
  readonly pipeline: Pipeline<unknown>;
  /** Name or ARN of the source table. */
  readonly table: string;
}

/** What the doctor says of targets. */
export interface TargetsReport extends Judgement {
  /** Why the table could not be described, so that the targets were not compared with it. */
  readonly unanswered: Unanswered | undefined;
}

type Facts = TargetFacts & TombstoneFacts & { readonly table: Answer<TableDescription | undefined> };

/** There is no function, so that nothing reads the stream, and no variables are known. */
const noFunction: { readonly unanswered: Unanswered } = {
  unanswered: { action: "lambda:GetFunctionConfiguration", reason: "there is no function" },
};

const readTable = ({ clients, table: TableName }: DoctorTargetsOptions): Promise<Facts["table"]> =>
  ask<TableDescription | undefined>(
    "dynamodb:DescribeTable",
    async (abortSignal) => (await clients.dynamodb.describeTable({ TableName }, { abortSignal })).Table,
  );

const streamsOf = (table: Facts["table"], name: string): TargetFacts["streams"] => {
  const streamArn = knownValue(table)?.LatestStreamArn;
  if (streamArn === undefined) return [];
  return [
    { streamArn, tableName: knownValue(table)?.TableName ?? name, table, stream: noFunction, readers: noFunction },
  ];
};

/** Without the table, the targets can be compared only with what their sinks need. */
const tableCheck = (name: string): Check<Facts> => ({
  area: "stream",
  codes: [],
  findings: ({ table }): readonly Finding[] =>
    isAnswered(table) ? [] : [openQuestion("stream", name, table.unanswered)],
});

/**
 * Judges the targets of a pipeline: their schema, what they hold, their tombstones, which images they need, and that none is
 * the source. Only reads, and asks nothing about a function.
 */
export const doctorTargets = async (options: DoctorTargetsOptions): Promise<TargetsReport> => {
  const { clients, pipeline, table: name } = options;
  const table = await readTable(options);
  const facts: Facts = {
    clients,
    pipeline,
    table,
    streams: streamsOf(table, name),
    function: { variables: noFunction },
  };
  const found = await judge<Facts>([tableCheck(name), targetsCheck, tombstonesCheck], facts, name, []);
  return { ...found, unanswered: isAnswered(table) ? undefined : table.unanswered };
};
