// What AWS knows of a pipeline's queues.

import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { type Answer, ask } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import type { Variables } from "./function-facts.ts";

/** What a queue is for: its variable names it, a mapping reads it, or a mapping writes to it what Lambda gives up on. */
export type QueueUse = "retry" | "dead-letters" | "source" | "destination";

/** Attributes of a queue, by the names that SQS gives them. */
export type QueueAttributes = Readonly<Record<string, string | undefined>>;

/** A queue. */
export interface QueueFacts {
  readonly name: string;
  /** Its URL or, of a queue that only a mapping names, its ARN. */
  readonly address: string;
  readonly uses: ReadonlySet<QueueUse>;
  /** Undefined if the queue does not exist. */
  readonly url: Answer<string | undefined>;
  /** Undefined if the queue does not exist. */
  readonly attributes: Answer<QueueAttributes | undefined>;
}

/** Account and name, which the URL and the ARN of a queue have in common. */
export const queueIdOf = (address: string): string =>
  (address.startsWith("arn:") ? address.split(":") : address.split("/")).slice(-2).join("/");

const nameOf = (address: string): string => queueIdOf(address).split("/").at(-1) ?? address;

const urlOf = ({ sqs }: Clients, address: string): Promise<Answer<string | undefined>> | Answer<string> => {
  if (!address.startsWith("arn:")) return { value: address };
  const [QueueOwnerAWSAccountId, QueueName] = queueIdOf(address).split("/");
  return ask<string | undefined>(
    "sqs:GetQueueUrl",
    async (abortSignal) => (await sqs.getQueueUrl({ QueueName, QueueOwnerAWSAccountId }, { abortSignal })).QueueUrl,
    () => undefined,
  );
};

const readQueue = async (clients: Clients, address: string, uses: ReadonlySet<QueueUse>): Promise<QueueFacts> => {
  const queue = { name: nameOf(address), address, uses };
  const url = await urlOf(clients, address);
  if ("unanswered" in url) return { ...queue, url, attributes: url };
  if (url.value === undefined) return { ...queue, url, attributes: { value: undefined } };
  const QueueUrl = url.value;
  const attributes = await ask<QueueAttributes | undefined>(
    "sqs:GetQueueAttributes",
    async (abortSignal) =>
      (await clients.sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["All"] }, { abortSignal })).Attributes ?? {},
    () => undefined,
  );
  return { ...queue, url, attributes };
};

const isQueueArn = (arn: string | undefined): arn is string => arn?.split(":")[2] === "sqs";

/** Reads the queues that the function's variables and mappings name, each once. */
export const readQueues = (
  clients: Clients,
  mappings: readonly EventSourceMappingConfiguration[],
  variables: Variables | undefined,
): Promise<readonly QueueFacts[]> => {
  const named: readonly (readonly [QueueUse, string | undefined])[] = [
    ["retry", variables?.retryQueueUrl],
    ["dead-letters", variables?.deadLetterQueueUrl],
    ...mappings.map(({ EventSourceArn }) => ["source", EventSourceArn] as const),
    ...mappings.map(({ DestinationConfig }) => ["destination", DestinationConfig?.OnFailure?.Destination] as const),
  ];
  const queues = new Map<string, { readonly address: string; readonly uses: Set<QueueUse> }>();
  for (const [use, address] of named) {
    if (address === undefined || address === "" || (address.startsWith("arn:") && !isQueueArn(address))) continue;
    const id = queueIdOf(address);
    const queue = queues.get(id) ?? { address, uses: new Set() };
    queue.uses.add(use);
    queues.set(id, queue);
  }
  return Promise.all([...queues.values()].map(({ address, uses }) => readQueue(clients, address, uses)));
};
