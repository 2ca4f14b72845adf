// The rights that the role of a pipeline's function needs, and on which resource. The actions are in @sluice/rules.

import type { SinkResource } from "@sluice/core/sink-kit";
import { type RightId, rightRows } from "@sluice/rules";
import { knownValue } from "../../aws/answer.ts";
import type { Facts } from "../facts.ts";
import type { QueueUse } from "../queue-facts.ts";
import { busArn, type Location, objectArn, queueArn, tableArn } from "./location.ts";

/** A right on a resource. */
export interface Need {
  readonly right: RightId;
  /** ARN of the resource; of an object in a bucket, an ARN that stands for all. */
  readonly resource: string;
}

/** The name of an object that Lambda writes for a batch that it gave up on. */
const batchObject = "aws/lambda/batch";

/** The name of an object that `s3PayloadStore` writes, with its default prefix. */
const payloadObject = "sluice/records/payload";

const ofStreams = ({ streams }: Facts): readonly Need[] =>
  streams.map(({ streamArn }) => ({ right: "stream", resource: streamArn }));

const ofDestination = (destination: string): readonly Need[] => {
  const service = destination.split(":")[2];
  if (service === "sqs") return [{ right: "onFailureQueue", resource: destination }];
  if (service === "sns") return [{ right: "topic", resource: destination }];
  if (service !== "s3") return [];
  return [
    { right: "onFailureBucket", resource: destination },
    { right: "onFailureObjects", resource: `${destination}/${batchObject}` },
  ];
};

const ofDestinations = ({ function: { mappings } }: Facts): readonly Need[] => {
  const found = knownValue(mappings) ?? [];
  const destinations = found.flatMap(({ DestinationConfig }) => DestinationConfig?.OnFailure?.Destination ?? []);
  return [...new Set(destinations)].flatMap(ofDestination);
};

const keyRights: readonly (readonly [QueueUse, RightId])[] = [
  ["dead-letters", "deadLettersKey"],
  ["retry", "retryQueueKey"],
  ["destination", "onFailureQueueKey"],
];

/** The keys of the queues that have a key of the user's own. Of an alias, the key is unknown. */
const ofKeys = ({ queues }: Facts, { partition, region, account }: Location): readonly Need[] =>
  queues.flatMap(({ attributes, uses }) => {
    const key = knownValue(attributes)?.KmsMasterKeyId;
    if (key === undefined || key === "" || key.includes("alias/")) return [];
    const resource = key.startsWith("arn:") ? key : `arn:${partition}:kms:${region}:${account}:key/${key}`;
    return keyRights.filter(([use]) => uses.has(use)).map(([, right]) => ({ right, resource }));
  });

/** Which parts of the dedupe store the pipeline uses. Without the user's module, only that of the retry queue is known. */
const ofDedupe = ({ pipeline, dedupe }: Facts, location: Location, hasRetryQueue: boolean): readonly Need[] => {
  if (dedupe === undefined) return [];
  const resource = tableArn(location, dedupe.tableName);
  const used = new Set(pipeline?.routes.map((route) => route.dedupe));
  const rights: readonly (readonly [boolean, RightId])[] = [
    [hasRetryQueue, "dedupeRetry"],
    [used.has("on-failure"), "dedupeOnFailure"],
    [used.has("always"), "dedupeAlways"],
  ];
  return rights.filter(([isUsed]) => isUsed).map(([, right]) => ({ right, resource }));
};

const ofVariables = (variables: ReadonlyMap<string, string>, location: Location): readonly Need[] => {
  const byName: readonly (readonly [string, RightId, (value: string) => string])[] = [
    ["TOPIC_ARN", "topic", (value) => value],
    ["QUEUE_URL", "queue", (value) => queueArn(location, value)],
    ["EVENT_BUS", "bus", (value) => busArn(location, value)],
    ["TARGET_TABLE", "table", (value) => tableArn(location, value)],
    ["PAYLOAD_BUCKET", "payloads", (value) => objectArn(location, value, payloadObject)],
    ["DATABASE_SECRET_ARN", "postgresSecret", (value) => value],
    ["MAIL_SECRET_ARN", "smtpSecret", (value) => value],
    ["WEBHOOK_SECRET_ARN", "webhookSecret", (value) => value],
  ];
  return byName.flatMap(([name, right, arnOf]) => {
    const value = variables.get(name);
    return value === undefined ? [] : [{ right, resource: arnOf(value) }];
  });
};

const ofResource = ({ service, address }: SinkResource, location: Location): Need => {
  if (service === "dynamodb") return { right: "table", resource: tableArn(location, address) };
  if (service === "events") return { right: "bus", resource: busArn(location, address) };
  if (service === "sqs") return { right: "queue", resource: queueArn(location, address) };
  return { right: "topic", resource: address };
};

const ofSinks = ({ pipeline }: Facts, location: Location): readonly Need[] =>
  (pipeline?.routes ?? []).flatMap(({ sink: { resource } }) =>
    resource === undefined ? [] : [ofResource(resource, location)],
  );

/** The rights that are known to be needed: of the source, the queues and the stores, and of each target that is known. */
export const needsOf = (facts: Facts, location: Location): readonly Need[] => {
  const variables = knownValue(facts.function.variables);
  const { deadLetterQueueUrl, retryQueueUrl, resources = new Map<string, string>() } = variables ?? {};
  const queues: readonly Need[] = [
    ...(deadLetterQueueUrl
      ? [{ right: "deadLetters", resource: queueArn(location, deadLetterQueueUrl) } as const]
      : []),
    ...(retryQueueUrl ? [{ right: "retryQueue", resource: queueArn(location, retryQueueUrl) } as const] : []),
  ];
  return [
    ...ofStreams(facts),
    ...ofDestinations(facts),
    ...queues,
    ...ofKeys(facts, location),
    ...ofDedupe(facts, location, Boolean(retryQueueUrl)),
    ...ofVariables(resources, location),
    ...ofSinks(facts, location),
  ];
};

/** The actions on one resource, with the rights that need them. */
export interface ResourceNeed {
  readonly resource: string;
  readonly actions: readonly string[];
  readonly rights: readonly RightId[];
}

/** The needs by resource: IAM is asked once for each. */
export const byResource = (needs: readonly Need[]): readonly ResourceNeed[] =>
  [...new Set(needs.map(({ resource }) => resource))].map((resource) => {
    const rights = [...new Set(needs.filter((need) => need.resource === resource).map(({ right }) => right))];
    return { resource, rights, actions: [...new Set(rights.flatMap((right) => rightRows[right].actions))] };
  });
