// Metrics of the last day: whether Sluice's own arrive, and how old the messages of the queues are.

import { metricNamespace, pipelineAlarms } from "@sluice/rules";
import { isAnswered, knownValue } from "../../aws/answer.ts";
import { command } from "../command.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { unqualified } from "../function-name.ts";
import { setVariable } from "../live/function-checks.ts";
import type { QueueFacts } from "../queue-facts.ts";
import { type AskedMetric, readMetrics } from "./metric-data.ts";
import { queuesOf } from "./resources.ts";

const area = "operation";
const daySeconds = 86_400;

/** A metric that the pipeline writes in each invocation with records. */
const ownMetrics = ["Received", "Lag", "Duration"] as const;

const metricsMissing = (name: string, isOn: boolean): Finding => ({
  code: "METRICS_MISSING",
  area,
  level: "warn",
  resource: name,
  found: `Lambda gave the function batches of the stream within the last day, and CloudWatch has no metric of the namespace ${metricNamespace} with the dimension function=${name}`,
  expected: `the metrics ${ownMetrics.join(", ")} of the function`,
  fix: isOn
    ? "Leave standard output to Sluice: a wrapper that catches it hides the metrics, and so does another value of SLUICE_METRICS than emf."
    : setVariable(name, "SLUICE_METRICS", "emf"),
});

const ageOf = (metric: string): number =>
  pipelineAlarms.find(({ id }) => id === metric)?.threshold ?? Number.POSITIVE_INFINITY;

const countOf = ({ attributes }: QueueFacts): number => {
  const found = knownValue(attributes) ?? {};
  return (["", "NotVisible", "Delayed"] as const)
    .map((state) => Number(found[`ApproximateNumberOfMessages${state}`] ?? 0))
    .reduce((total, count) => total + count);
};

const urlOf = ({ url, address }: QueueFacts): string => (isAnswered(url) ? (url.value ?? address) : address);

const deadLettersFinding = (queue: QueueFacts, ageSeconds: number | undefined): Finding => {
  const isOld = ageSeconds !== undefined && ageSeconds >= ageOf("dead-letters-age");
  const days = Math.floor((ageSeconds ?? 0) / daySeconds);
  return {
    code: isOld ? "DEAD_LETTERS_OLD" : "DEAD_LETTERS_PRESENT",
    area,
    level: "warn",
    resource: queue.name,
    found: `about ${countOf(queue)} dead letters${isOld ? `, the oldest for ${days} days` : ""}`,
    expected: isOld
      ? "dead letters that are redriven within 10 days: SQS deletes them after 14 days"
      : "no dead letters",
    fix: command("sluice", "dead-letters", "list", urlOf(queue)),
  };
};

const retriesOld = (queue: QueueFacts, ageSeconds: number): Finding => ({
  code: "RETRIES_OLD",
  area,
  level: "warn",
  resource: queue.name,
  found: `the oldest delivery has waited for ${Math.floor(ageSeconds / 60)} minutes`,
  expected: "deliveries that leave the queue within an hour, because their target takes them again",
  fix: "Look for the route that fails in the log (docs/runbook.md#age-of-the-oldest-retry), and mend its target.",
});

const ageMetric = ({ name }: QueueFacts): AskedMetric => ({
  namespace: "AWS/SQS",
  metric: "ApproximateAgeOfOldestMessage",
  dimension: "QueueName",
  value: name,
  statistic: "Maximum",
});

const functionMetrics = (name: string): readonly AskedMetric[] => [
  // Lambda measures it in each invocation from a stream, and in no other: a redrive or a backfill writes no metrics.
  { namespace: "AWS/Lambda", metric: "IteratorAge", dimension: "FunctionName", value: name, statistic: "SampleCount" },
  ...ownMetrics.map((metric) => ({
    namespace: metricNamespace,
    metric,
    dimension: "function",
    value: name,
    statistic: "SampleCount" as const,
  })),
];

/** What CloudWatch has of the last day. */
export interface DayOfMetrics {
  /** How many batches of the stream the function got. */
  readonly batches: readonly number[];
  readonly own: readonly (readonly number[])[];
  /** Ages in seconds of the oldest message of each queue, in the order of the queues. */
  readonly ages: readonly (readonly number[])[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Judges the metrics. Without `day`, only the number of dead letters is known. */
export const judgeMetrics = (
  facts: Facts,
  { deadLetters, retries }: { readonly deadLetters: readonly QueueFacts[]; readonly retries: readonly QueueFacts[] },
  day: DayOfMetrics | undefined,
): readonly Finding[] => {
  const name = unqualified(facts.function.name);
  const { variables } = facts.function;
  const isOn = isAnswered(variables) && variables.value?.names.has("SLUICE_METRICS") === true;
  const isSilent = day !== undefined && sum(day.batches) > 0 && sum(day.own.flat()) === 0;
  const ages = day?.ages ?? [];
  const ageAt = (index: number): number | undefined => ages[index]?.[0];
  return [
    ...(isSilent ? [metricsMissing(name, isOn)] : []),
    ...deadLetters.flatMap((queue, index) => (countOf(queue) > 0 ? [deadLettersFinding(queue, ageAt(index))] : [])),
    ...retries.flatMap((queue, index) => {
      const age = ageAt(deadLetters.length + index) ?? 0;
      return countOf(queue) > 0 && age >= ageOf("retries-age") ? [retriesOld(queue, age)] : [];
    }),
  ];
};

const findingsOf = async (facts: Facts): Promise<readonly Finding[]> => {
  const { configuration } = facts.function;
  if (isAnswered(configuration) && configuration.value === undefined) return [];
  const name = unqualified(facts.function.name);
  const queues = { deadLetters: queuesOf(facts, "dead-letters"), retries: queuesOf(facts, "retry") };
  const own = functionMetrics(name);
  const open = facts.queues.flatMap((queue) =>
    isAnswered(queue.attributes) ? [] : [openQuestion(area, queue.name, queue.attributes.unanswered)],
  );
  const asked = [...own, ...[...queues.deadLetters, ...queues.retries].map(ageMetric)];
  const answer = await readMetrics(facts.clients, asked, { days: 1, periodSeconds: 3_600 });
  if (!isAnswered(answer)) {
    return [...open, openQuestion(area, name, answer.unanswered), ...judgeMetrics(facts, queues, undefined)];
  }
  const [batches = [], ...others] = answer.value;
  const day = { batches, own: others.slice(0, ownMetrics.length), ages: others.slice(ownMetrics.length) };
  return [...open, ...judgeMetrics(facts, queues, day)];
};

/** The check of the metrics and of the messages that wait. */
export const metricsCheck: Check<Facts> = {
  area,
  codes: ["METRICS_MISSING", "DEAD_LETTERS_PRESENT", "DEAD_LETTERS_OLD", "RETRIES_OLD"],
  findings: findingsOf,
};
