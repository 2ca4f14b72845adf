// The names of a pipeline's resources, as the dimensions of CloudWatch's metrics have them.

import type { AlarmResources } from "@sluice/rules";
import { isAnswered, knownValue } from "../../aws/answer.ts";
import { type Facts, readsStream } from "../facts.ts";
import { unqualified } from "../function-name.ts";
import type { QueueFacts, QueueUse } from "../queue-facts.ts";

/** The queues of a use that exist. */
export const queuesOf = ({ queues }: Facts, use: QueueUse): readonly QueueFacts[] =>
  queues.filter(({ uses, attributes }) => uses.has(use) && isAnswered(attributes) && attributes.value !== undefined);

/** The resources, once for each mapping of the function that reads a stream. */
export const alarmResources = (facts: Facts): readonly AlarmResources[] => {
  const { mappings, name } = facts.function;
  const [deadLetters] = queuesOf(facts, "dead-letters");
  const [retryQueue] = queuesOf(facts, "retry");
  return (knownValue(mappings) ?? []).filter(readsStream).map(({ UUID, DestinationConfig }) => ({
    function: unqualified(name),
    mapping: UUID,
    destination: DestinationConfig?.OnFailure?.Destination,
    "dead-letters": deadLetters?.name,
    "retry-queue": retryQueue?.name,
    "verify-report": facts.verifyFunction,
  }));
};
