// Whether the event source mappings exist and work. Their settings are judged by the rules.

import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { knownValue } from "../../aws/answer.ts";
import { command, createMapping, updateMapping } from "../command.ts";
import { type Facts, readsStream } from "../facts.ts";
import type { Check, Finding } from "../finding.ts";
import { logGroupOf } from "../function-facts.ts";
import { nameOf, unqualified } from "../function-name.ts";
import { judgeAnswer } from "./answered.ts";

const area = "mapping";

type MappingJudge = (mapping: EventSourceMappingConfiguration, facts: Facts) => readonly Finding[];

const latestStream =
  '"$(aws dynamodb describe-table --table-name YOUR-TABLE --query Table.LatestStreamArn --output text)"';

/** A mapping may belong to an alias of the function, which the user did not name. */
const missing = ({ function: { name, configuration, aliasMappings } }: Facts): readonly Finding[] => {
  if (knownValue(configuration) === undefined) return [];
  const aliases = aliasMappings.map((alias) => `${unqualified(name)}:${alias}`);
  const [first] = aliases;
  return [
    {
      code: "MAPPING_MISSING",
      area,
      level: "fail",
      resource: name,
      found: `no mapping from a DynamoDB stream${first === undefined ? "" : `; there are some to ${aliases.join(", ")}`}`,
      expected: "a mapping from the table's stream",
      fix: first === undefined ? createMapping(name, latestStream) : command("sluice", "doctor", "--function", first),
    },
  ];
};

const exists: Check<Facts> = {
  area,
  codes: ["MAPPING_MISSING"],
  findings: (facts) =>
    judgeAnswer(facts.function.mappings, [area, facts.function.name], (mappings) =>
      mappings.some(readsStream) ? [] : missing(facts),
    ),
};

const disabled: MappingJudge = ({ State = "", UUID = "", StateTransitionReason, EventSourceArn }) => {
  if (!/^Disabl/.test(State)) return [];
  const why = StateTransitionReason === undefined ? "" : ` (${StateTransitionReason})`;
  return [
    {
      code: "MAPPING_DISABLED",
      area,
      level: "fail",
      resource: UUID,
      found: `the mapping from ${EventSourceArn} is ${State}${why}`,
      expected: "Enabled",
      fix: updateMapping(UUID, "--enabled"),
    },
  ];
};

const longestResult = 200;

const good = /^(OK|No records processed)$/i;

const problem: MappingJudge = (
  { State, UUID = "", LastProcessingResult = "" },
  { function: { name, configuration } },
) => {
  // The result of a disabled mapping is old.
  if (State !== "Enabled" || LastProcessingResult === "" || good.test(LastProcessingResult)) return [];
  const group = logGroupOf(name, knownValue(configuration));
  return [
    {
      code: "MAPPING_PROBLEM",
      area,
      level: "fail",
      resource: UUID,
      found: `LastProcessingResult ${LastProcessingResult.slice(0, longestResult)}`,
      expected: "OK, or No records processed",
      fix: command("aws", "logs", "tail", group, "--since", "1h"),
    },
  ];
};

const metricsOff: MappingJudge = (mapping) => {
  const { UUID = "", MetricsConfig } = mapping;
  if (!readsStream(mapping) || MetricsConfig?.Metrics?.includes("EventCount")) return [];
  return [
    {
      code: "METRICS_OFF",
      area,
      level: "warn",
      resource: UUID,
      found: "MetricsConfig without EventCount",
      expected: "EventCount, without which no alarm says that Lambda dropped records",
      fix: updateMapping(UUID, "--metrics-config", "Metrics=EventCount"),
    },
  ];
};

const state: Check<Facts> = {
  area,
  codes: ["MAPPING_DISABLED", "MAPPING_PROBLEM", "METRICS_OFF"],
  findings: (facts) =>
    judgeAnswer(facts.function.mappings, [area, facts.function.name], (mappings) =>
      mappings.flatMap((mapping) => [disabled, problem, metricsOff].flatMap((judge) => judge(mapping, facts))),
    ),
};

/** The rules see mappings of one alias. A mapping of another alias, or of none, calls the same function, too. */
const otherAlias: Check<Facts> = {
  area,
  codes: ["MAPPING_TWICE"],
  findings: ({ streams, function: { name, mappings } }) =>
    streams.flatMap(({ streamArn, readers }) =>
      judgeAnswer(readers, [area, streamArn], (all) => {
        const own = new Set((knownValue(mappings) ?? []).map(({ UUID }) => UUID));
        const same = all.filter(
          ({ UUID, FunctionArn = "", State = "" }) =>
            !own.has(UUID) && !/^Disabl/.test(State) && unqualified(nameOf(FunctionArn)) === unqualified(name),
        );
        return same.map(({ UUID = "", FunctionArn = "" }) => ({
          code: "MAPPING_TWICE",
          area,
          level: "warn",
          resource: UUID,
          found: `a second mapping of this stream to the function, by ${FunctionArn}`,
          expected: "one mapping: the function gets each record twice",
          fix: updateMapping(UUID, "--no-enabled"),
        }));
      }),
    ),
};

/** The checks. */
export const mappingChecks: readonly Check<Facts>[] = [exists, state, otherAlias];
