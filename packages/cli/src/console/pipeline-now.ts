// The state of a deployed pipeline, as its function and its mappings tell.

import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import type { PipelineNow } from "@sluice/console";
import { type FunctionFacts, isAnswered } from "@sluice/inspect";
import { counted, durationText } from "../terminal/format.ts";
import type { AskedSeries, Series } from "./metrics.ts";

/** Metrics of the function, which belong to no route. Lambda writes them. */
export const askedOfFunction = (FunctionName: string): readonly AskedSeries[] =>
  (
    [
      ["Errors", "Sum"],
      ["IteratorAge", "Maximum"],
    ] as const
  ).map(([metric, statistic]) => ({
    namespace: "AWS/Lambda",
    metric,
    statistic,
    periodSeconds: 60,
    dimensions: { FunctionName },
  }));

const recentMs = 900_000;

/** What Lambda says about the function, from the answers to `askedOfFunction`. */
export const notesOf = ([errors, age]: readonly Series[], to: number): readonly string[] => {
  const failed = [...(errors?.values() ?? [])].reduce((sum, count) => sum + count, 0);
  const latest = [...(age ?? [])]
    .filter(([time]) => time >= to - recentMs)
    .sort(([a], [b]) => a - b)
    .at(-1)?.[1];
  return [
    ...(failed > 0 ? [`${counted(failed, "error")} of the function in the last 3 hours`] : []),
    ...(latest === undefined ? [] : [`age of the newest batch of the stream (IteratorAge): ${durationText(latest)}`]),
  ];
};

const readsTable = ({ EventSourceArn = "" }: EventSourceMappingConfiguration): boolean =>
  EventSourceArn.includes(":dynamodb:");

/** States of a mapping in which its function gets no records, now or soon. */
const still = /^(Disabl|Delet)/;

const sourceOf = ({ EventSourceArn = "", UUID = "" }: EventSourceMappingConfiguration): string =>
  /:table\/([^/]+)/.exec(EventSourceArn)?.[1] ?? UUID;

type State = Pick<PipelineNow, "status" | "reason" | "since">;

const unmapped = ({ name, aliasMappings }: FunctionFacts): string => {
  const [alias] = aliasMappings;
  const hint = alias === undefined ? "" : `; expected its alias: --function ${name}:${alias}`;
  return `no event source mapping reads a stream of DynamoDB for ${name}${hint}`;
};

const stateOfMappings = (
  found: FunctionFacts,
  mappings: readonly EventSourceMappingConfiguration[],
  now: number,
): State => {
  const streams = mappings.filter(readsTable);
  if (streams.length === 0) return { status: "broken", reason: unmapped(found), since: now };
  const since = Math.max(...streams.map(({ LastModified }) => LastModified?.getTime() ?? 0)) || now;
  const ended = streams.filter(({ State = "" }) => still.test(State));
  if (ended.length > 0) {
    const lines = ended.map((one) => `the event source mapping of ${sourceOf(one)} is ${one.State}`);
    return { status: "broken", reason: lines.join("\n"), since };
  }
  return { status: streams.every(({ State }) => State === "Enabled") ? "running" : "starting", since };
};

/** The state of the pipeline. */
export const stateOf = (found: FunctionFacts, now: number): State => {
  const { configuration, mappings } = found;
  if (isAnswered(configuration)) {
    if (configuration.value === undefined) {
      return { status: "broken", reason: `there is no function ${found.name}`, since: now };
    }
    const { State, StateReason } = configuration.value;
    if (State === "Failed") return { status: "broken", reason: StateReason ?? "the function failed", since: now };
  }
  return isAnswered(mappings) ? stateOfMappings(found, mappings.value, now) : { status: "unknown", since: now };
};
