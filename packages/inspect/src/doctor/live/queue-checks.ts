// Whether the queues exist, and who reads them. Their attributes are judged by the rules.

import { isAnswered, knownValue } from "../../aws/answer.ts";
import { command, createQueue } from "../command.ts";
import { type Facts, readsStream } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { unqualified } from "../function-name.ts";
import { type QueueFacts, queueIdOf } from "../queue-facts.ts";
import { judgeAnswer } from "./answered.ts";
import { setVariable } from "./function-checks.ts";

const area = "queues";

const uses = {
  retry: "which RETRY_QUEUE_URL names",
  "dead-letters": "which DEAD_LETTER_QUEUE_URL names",
  source: "which a mapping reads",
  destination: "which is the mapping's on-failure destination",
} as const;

const accountOf = ({ function: { configuration } }: Facts): string | undefined =>
  knownValue(configuration)?.FunctionArn?.split(":")[4];

const missing = (queue: QueueFacts, facts: Facts): Finding => {
  const [owner] = queueIdOf(queue.address).split("/");
  // SQS also says that a queue of another account does not exist if the caller has no right to it.
  if (owner !== accountOf(facts)) {
    const action = queue.address.startsWith("arn:") ? "sqs:GetQueueUrl" : "sqs:GetQueueAttributes";
    return openQuestion(area, queue.name, { action, reason: "QueueDoesNotExist, and the queue is of another account" });
  }
  return {
    code: "QUEUE_MISSING",
    area,
    level: "fail",
    resource: queue.name,
    found: `no queue of this name, ${[...queue.uses].map((use) => uses[use]).join(", and ")}`,
    expected: "the queue",
    fix: createQueue(queue.name),
  };
};

const exist: Check<Facts> = {
  area,
  codes: ["QUEUE_MISSING"],
  findings: (facts) =>
    facts.queues.flatMap((queue) =>
      judgeAnswer(queue.attributes, [area, queue.name], (attributes) =>
        attributes === undefined ? [missing(queue, facts)] : [],
      ),
    ),
};

const same = (queue: QueueFacts, { function: { name } }: Facts): readonly Finding[] => {
  if (!(queue.uses.has("retry") && queue.uses.has("dead-letters"))) return [];
  const other = `${unqualified(name)}-dead-letters`;
  const read = `$(aws sqs get-queue-url --queue-name ${other} --output text)`;
  return [
    {
      code: "QUEUES_SAME",
      area,
      level: "fail",
      resource: queue.name,
      found: "RETRY_QUEUE_URL and DEAD_LETTER_QUEUE_URL name this queue",
      expected: "two queues: the function would read its dead letters, and retry them for ever",
      fix: `${createQueue(other)} && ${setVariable(unqualified(name), "DEAD_LETTER_QUEUE_URL", `'"${read}"'`)}`,
    },
  ];
};

const unread = (queue: QueueFacts, { function: { name, mappings } }: Facts): readonly Finding[] => {
  const attributes = knownValue(queue.attributes);
  if (!queue.uses.has("retry") || queue.uses.has("source") || !isAnswered(mappings) || attributes === undefined)
    return [];
  return [
    {
      code: "RETRY_QUEUE_UNREAD",
      area,
      level: "fail",
      resource: queue.name,
      found: "no mapping from the retry queue to the function",
      expected: "a mapping: deliveries in the queue are not retried",
      fix: command(
        "aws",
        "lambda",
        "create-event-source-mapping",
        "--function-name",
        name,
        "--event-source-arn",
        attributes.QueueArn ?? queue.address,
        "--batch-size",
        "10",
        "--function-response-types",
        "ReportBatchItemFailures",
      ),
    },
  ];
};

const readDeadLetters = (queue: QueueFacts, { function: { mappings } }: Facts): readonly Finding[] => {
  if (!queue.uses.has("dead-letters") || queue.uses.has("retry")) return [];
  const readers = (knownValue(mappings) ?? []).filter(
    (mapping) => !readsStream(mapping) && queueIdOf(mapping.EventSourceArn ?? "") === queueIdOf(queue.address),
  );
  return readers.map(({ UUID = "" }) => ({
    code: "DEAD_LETTERS_READ",
    area,
    level: "fail",
    resource: queue.name,
    found: `the mapping ${UUID} from the dead-letter queue to the function`,
    expected: "no mapping: a redrive reads dead letters, after a person has looked at them",
    // A mapping of a queue has no position that would be lost.
    fix: command("aws", "lambda", "delete-event-source-mapping", "--uuid", UUID),
  }));
};

const roles: Check<Facts> = {
  area,
  codes: ["QUEUES_SAME", "RETRY_QUEUE_UNREAD", "DEAD_LETTERS_READ"],
  findings: (facts) => [
    ...judgeAnswer(facts.function.variables, [area, facts.function.name], () => []),
    ...judgeAnswer(facts.function.mappings, [area, facts.function.name], () => []),
    ...facts.queues.flatMap((queue) => [same, unread, readDeadLetters].flatMap((judge) => judge(queue, facts))),
  ],
};

/** The checks. */
export const queueChecks: readonly Check<Facts>[] = [exist, roles];
