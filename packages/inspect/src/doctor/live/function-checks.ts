// Whether the function exists, can run, and has enough environments. Runtime and timeout are judged by the rules.

import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { knownValue } from "../../aws/answer.ts";
import { command } from "../command.ts";
import { type Facts, readsStream, type StreamFacts } from "../facts.ts";
import type { Check, Finding } from "../finding.ts";
import { unqualified } from "../function-name.ts";
import { judgeAnswer } from "./answered.ts";

const area = "function";

const functionMissing = (name: string): Finding => ({
  code: "FUNCTION_MISSING",
  area,
  level: "fail",
  resource: name,
  found: "no function of this name, with this alias or version, in this region",
  expected: "the pipeline's function",
  fix: "aws lambda list-functions --query 'Functions[].FunctionName' --output text",
});

const seeWhy = (name: string): string =>
  command(
    "aws",
    "lambda",
    "get-function-configuration",
    "--function-name",
    name,
    "--query",
    "[StateReason,LastUpdateStatusReason]",
  );

const state: Check<Facts> = {
  area,
  codes: ["FUNCTION_MISSING", "FUNCTION_FAILED", "FUNCTION_NOT_UPDATED"],
  findings: ({ function: { name, configuration } }) =>
    judgeAnswer(configuration, [area, name], (found) => {
      if (found === undefined) return [functionMissing(name)];
      const finding = { area, level: "fail", resource: name, fix: seeWhy(name) } as const;
      if (found.State === "Failed") {
        const why = found.StateReasonCode ?? "no reason";
        return [{ ...finding, code: "FUNCTION_FAILED", found: `State Failed: ${why}`, expected: "Active" }];
      }
      if (found.LastUpdateStatus !== "Failed") return [];
      const why = found.LastUpdateStatusReasonCode ?? "no reason";
      return [
        {
          ...finding,
          code: "FUNCTION_NOT_UPDATED",
          found: `LastUpdateStatus Failed: ${why}; the old code runs`,
          expected: "Successful",
        },
      ];
    }),
};

const shardsOf = ({ stream }: StreamFacts): number | undefined =>
  knownValue(stream)?.Shards?.filter(({ SequenceNumberRange }) => !SequenceNumberRange?.EndingSequenceNumber).length;

/** The environments that run at once if every open shard has records; undefined if that cannot be known. */
const wantedBy = (
  mappings: readonly EventSourceMappingConfiguration[],
  streams: readonly StreamFacts[],
): number | undefined => {
  let wanted = 0;
  for (const mapping of mappings.filter(readsStream)) {
    const stream = streams.find(({ streamArn }) => streamArn === mapping.EventSourceArn);
    const shards = stream === undefined ? undefined : shardsOf(stream);
    if (shards === undefined) return undefined;
    wanted += shards * (mapping.ParallelizationFactor ?? 1);
  }
  return wanted;
};

const reserve = (name: string, environments: number): string =>
  command(
    "aws",
    "lambda",
    "put-function-concurrency",
    "--function-name",
    unqualified(name),
    "--reserved-concurrent-executions",
    String(environments),
  );

const tooLow = (reserved: number, facts: Facts): readonly Finding[] => {
  const { name, mappings } = facts.function;
  const wanted = wantedBy(knownValue(mappings) ?? [], facts.streams);
  const finding = { area, resource: name, fix: reserve(name, Math.max(wanted ?? 1, 1)) } as const;
  if (reserved === 0) {
    const found = "a reserved concurrency of 0, with which Lambda does not call the function";
    return [{ ...finding, code: "CONCURRENCY_ZERO", level: "fail", found, expected: `at least ${wanted ?? 1}` }];
  }
  if (wanted === undefined || reserved >= wanted) return [];
  const found = `a reserved concurrency of ${reserved}`;
  const expected = `at least ${wanted}: open shards times ParallelizationFactor. Shards wait for each other`;
  return [{ ...finding, code: "CONCURRENCY_TOO_LOW", level: "warn", found, expected }];
};

const concurrency: Check<Facts> = {
  area,
  codes: ["CONCURRENCY_ZERO", "CONCURRENCY_TOO_LOW"],
  findings: (facts) =>
    judgeAnswer(facts.function.reservedConcurrency, [area, facts.function.name], (reserved) => [
      ...(reserved === undefined ? [] : tooLow(reserved, facts)),
      // Without a reservation, the number of shards is of no interest.
      ...(reserved
        ? facts.streams.flatMap(({ stream, streamArn }) => judgeAnswer(stream, [area, streamArn], () => []))
        : []),
    ]),
};

/** Sets one variable, and keeps the others. */
export const setVariable = (name: string, variable: string, value: string): string => {
  const read = `aws lambda get-function-configuration --function-name ${name} --query Environment`;
  return `aws lambda update-function-configuration --function-name ${name} --environment "$(${read} | jq -c '.Variables.${variable} = "${value}"')"`;
};

const variables: Check<Facts> = {
  area,
  codes: ["VARIABLE_MISSING"],
  findings: ({ function: { name, variables, mappings } }) =>
    judgeAnswer(variables, [area, name], (found) => {
      if (found === undefined) return [];
      const source = knownValue(mappings)?.find((mapping) => !readsStream(mapping))?.EventSourceArn;
      const missing = (variable: string, why: string): Finding => ({
        code: "VARIABLE_MISSING",
        area,
        level: "warn",
        resource: name,
        found: `no variable ${variable}${why}`,
        expected: "the queue's URL: without it, the doctor does not judge the queue, and the pipeline may not find it",
        fix: setVariable(unqualified(name), variable, "YOUR-QUEUE-URL"),
      });
      return [
        ...(found.deadLetterQueueUrl === undefined ? [missing("DEAD_LETTER_QUEUE_URL", "")] : []),
        ...(found.retryQueueUrl === undefined && source !== undefined
          ? [missing("RETRY_QUEUE_URL", `, and a mapping from ${source}`)]
          : []),
      ];
    }),
};

/** The checks. */
export const functionChecks: readonly Check<Facts>[] = [state, concurrency, variables];
