// Judges a template by all rules.

import { type Deployment, deploymentOf } from "./deployment.ts";
import { filteredImages, filters } from "./filter-rules.ts";
import type { RuleFinding } from "./finding.ts";
import {
  deadLetterRetention,
  encryption,
  movedMessages,
  type ResourceRule,
  retryRetention,
  runtime,
  timeout,
  timeToLive,
  transport,
  visibility,
  window,
} from "./function-rules.ts";
import {
  bisect,
  destination,
  destinationFifo,
  type MappingRule,
  mappingTwice,
  numbers,
  partialResponses,
  recordAge,
  startingPosition,
  tumblingWindow,
  viewType,
} from "./stream-rules.ts";
import { isObject, type Resource } from "./template.ts";

const streamRules: readonly MappingRule[] = [
  partialResponses,
  destination,
  destinationFifo,
  bisect,
  startingPosition,
  tumblingWindow,
  numbers,
  recordAge,
  mappingTwice,
  filters,
  filteredImages,
  viewType,
];
const queueMappingRules: readonly MappingRule[] = [partialResponses, mappingTwice, visibility, window];
const functionRules: readonly ResourceRule[] = [runtime, timeout];
const queueRules: readonly ResourceRule[] = [movedMessages, encryption, transport];

const judgeEach = (
  resources: readonly Resource[],
  rules: readonly ResourceRule[],
  deployment: Deployment,
): readonly RuleFinding[] => resources.flatMap((resource) => rules.flatMap((rule) => rule(resource, deployment)));

/** The reasons for which findings of a resource are accepted: its metadata `sluice.acknowledge`, by code. */
const isAcknowledged = ({ code, resource }: RuleFinding, { resources }: Deployment): boolean => {
  const sluice = resources.get(resource)?.metadata.sluice;
  const reasons = isObject(sluice) ? sluice.acknowledge : undefined;
  const reason = isObject(reasons) && Object.hasOwn(reasons, code) ? reasons[code] : undefined;
  return typeof reason === "string" && reason.trim() !== "";
};

const keyOf = ({ code, resource, found }: RuleFinding): string => JSON.stringify([code, resource, found]);

/**
 * Judges a CloudFormation or SAM template: the functions that consume a stream of DynamoDB, their mappings and queues. A
 * value that is decided at deployment is not judged. To accept a finding, write the reason into the resource's metadata:
 * `{ "sluice": { "acknowledge": { "LATEST_LOSES": "the table was empty" } } }`.
 * @param template the parsed JSON of a template.
 */
export const judgeTemplate = (template: unknown): readonly RuleFinding[] => {
  const deployment = deploymentOf(template);
  const { mappings, functions, retryQueues, deadLetterQueues, dedupeTables } = deployment;
  const found = [
    ...mappings.flatMap((mapping) =>
      (mapping.kind === "stream" ? streamRules : queueMappingRules).flatMap((rule) => rule(mapping, deployment)),
    ),
    ...judgeEach(functions, functionRules, deployment),
    ...judgeEach([...new Set([...retryQueues, ...deadLetterQueues])], queueRules, deployment),
    ...judgeEach(deadLetterQueues, [deadLetterRetention], deployment),
    ...judgeEach(retryQueues, [retryRetention], deployment),
    ...judgeEach(dedupeTables, [timeToLive], deployment),
  ];
  // Two mappings of one table report its view type once.
  const once = new Map(found.map((finding) => [keyOf(finding), finding]));
  return [...once.values()].filter((finding) => !isAcknowledged(finding, deployment));
};
