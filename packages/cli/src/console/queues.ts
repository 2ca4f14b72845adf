// The queues of a deployment: those that its function names, and those that the user names.

import type { SQS } from "@aws-sdk/client-sqs";
import type { ConsoleQueueKind, QueueAbout, QueueNow } from "@sluice/console";
import { depthAttributes, queueDepth } from "@sluice/core/envelope";
import { ask, type DeploymentFacts, isAnswered, knownValue, type QueueFacts, type QueueUse } from "@sluice/inspect";
import { problemOf } from "./problems.ts";

/** URLs of queues that the user names. */
export interface GivenQueues {
  readonly retryQueues: readonly string[];
  readonly deadLetters: readonly string[];
}

/** The first use of a queue decides: dead letters may be at the place to which Lambda writes what it gives up on. */
const kinds: readonly (readonly [QueueUse, ConsoleQueueKind])[] = [
  ["dead-letters", "dead letters"],
  ["retry", "retry queue"],
  ["destination", "on-failure destination"],
  // The function reads no other queue than the retry queue.
  ["source", "retry queue"],
];

const nameIn = (url: string): string => url.split("/").at(-1) ?? url;

const queueAbout = (pipeline: string, kind: ConsoleQueueKind, url: string): QueueAbout => ({
  pipeline,
  kind,
  name: nameIn(url),
  url,
});

const discovered = (pipeline: string, { uses, url }: QueueFacts): readonly QueueAbout[] => {
  const known = knownValue(url);
  const [, kind] = kinds.find(([use]) => uses.has(use)) ?? [];
  return known === undefined || kind === undefined ? [] : [queueAbout(pipeline, kind, known)];
};

/** The queues, each once: what the user names comes first. */
export const queuesOf = (
  pipeline: string,
  { queues }: Pick<DeploymentFacts, "queues">,
  given: GivenQueues,
): readonly QueueAbout[] => {
  const all = [
    ...given.deadLetters.map((url) => queueAbout(pipeline, "dead letters", url)),
    ...given.retryQueues.map((url) => queueAbout(pipeline, "retry queue", url)),
    ...queues.flatMap((queue) => discovered(pipeline, queue)),
  ];
  return all.filter(({ url }, index) => all.findIndex((other) => other.url === url) === index);
};

/** Reads how many messages a queue has. */
export const queueNow = async (sqs: SQS, queue: QueueAbout): Promise<QueueNow> => {
  const answer = await ask<Readonly<Record<string, string>> | undefined>(
    "sqs:GetQueueAttributes",
    async (abortSignal) =>
      (await sqs.getQueueAttributes({ QueueUrl: queue.url, AttributeNames: [...depthAttributes] }, { abortSignal }))
        .Attributes ?? {},
    () => undefined,
  );
  const found = knownValue(answer);
  const numbers = queueDepth(found);
  if (!isAnswered(answer)) return { ...queue, ...numbers, problem: problemOf("the numbers are", answer.unanswered) };
  return { ...queue, ...numbers, ...(found === undefined && { problem: "the queue does not exist" }) };
};
