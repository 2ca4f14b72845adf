// Rules of a mapping from a stream, and of the stream.

import type { Deployment, Mapping } from "./deployment.ts";
import { isTable } from "./deployment.ts";
import type { RuleFinding } from "./finding.ts";
import {
  booleanOf,
  hasUnknown,
  type Json,
  numberOf,
  read,
  readPath,
  referenceOf,
  textOf,
  unknown,
} from "./template.ts";

/** A rule of one mapping. */
export type MappingRule = (mapping: Mapping, deployment: Deployment) => readonly RuleFinding[];

/** Lambda reads the response only if the mapping says so. */
export const partialResponses: MappingRule = ({ id, properties }) => {
  const types = read(properties, "FunctionResponseTypes");
  if (
    types === unknown ||
    (Array.isArray(types) && (types.includes("ReportBatchItemFailures") || types.some(hasUnknown)))
  ) {
    return [];
  }
  return [
    {
      code: "PARTIAL_RESPONSES_MISSING",
      resource: id,
      found: "FunctionResponseTypes without ReportBatchItemFailures",
      expected: "ReportBatchItemFailures",
      fix: "Set FunctionResponseTypes to [ReportBatchItemFailures]. Without it Lambda ignores the response, and failed records are lost.",
    },
  ];
};

const destinationOf = (properties: Mapping["properties"]) =>
  readPath(properties, ["DestinationConfig", "OnFailure", "Destination"]);

const bounds = [
  ["MaximumRetryAttempts", "retries"],
  ["MaximumRecordAgeInSeconds", "seconds"],
] as const;

/** Lambda drops records that it gives up on if no destination takes them. */
export const destination: MappingRule = ({ id, properties }) => {
  // A destination that is not known may be missing, but it may also be there.
  if (destinationOf(properties) !== undefined) return [];
  const found = bounds.flatMap(([name, unit]) => {
    const bound = numberOf(read(properties, name));
    return bound === undefined || bound === unknown || bound < 0 ? [] : [`${name} of ${bound} ${unit}`];
  });
  if (found.length === 0) return [];
  return [
    {
      code: "DESTINATION_MISSING",
      resource: id,
      found: `${found.join(" and ")}, and no destination on failure`,
      expected: "a destination, or no bound",
      fix: "Set DestinationConfig.OnFailure.Destination to a bucket or a standard queue. Lambda drops the records that it gives up on.",
    },
  ];
};

const isFifo = (value: Json | undefined, { resources }: Deployment): boolean => {
  if (typeof value === "string") return value.endsWith(".fifo");
  const resource = resources.get(referenceOf(value)?.id ?? "");
  const isQueueOrTopic = resource?.type === "AWS::SQS::Queue" || resource?.type === "AWS::SNS::Topic";
  return (
    isQueueOrTopic &&
    booleanOf(read(resource.properties, resource.type.endsWith("Queue") ? "FifoQueue" : "FifoTopic")) === true
  );
};

/** Lambda cannot write to FIFO destinations. */
export const destinationFifo: MappingRule = ({ id, properties }, deployment) => {
  const config = readPath(properties, ["DestinationConfig", "OnFailure"]);
  const value =
    typeof config === "object" && config !== null ? (config as { Destination?: Json }).Destination : undefined;
  if (!isFifo(value, deployment)) return [];
  return [
    {
      code: "DESTINATION_FIFO",
      resource: id,
      found: "a FIFO destination on failure",
      expected: "a bucket, or a standard queue or topic",
      fix: "Use a bucket, or a standard queue. Lambda cannot write to a FIFO queue or topic, and drops the records.",
    },
  ];
};

/** Without bisecting, one record that ends the function holds up its whole batch. */
export const bisect: MappingRule = ({ id, properties }) => {
  const value = booleanOf(read(properties, "BisectBatchOnFunctionError"));
  if (value === true || value === unknown) return [];
  return [
    {
      code: "BISECT_MISSING",
      resource: id,
      found: "BisectBatchOnFunctionError is off",
      expected: "true",
      fix: "Set BisectBatchOnFunctionError to true. Otherwise one record with which the function ends blocks its whole batch.",
    },
  ];
};

/** LATEST misses changes while the mapping is created. */
export const startingPosition: MappingRule = ({ id, properties }) => {
  const position = textOf(read(properties, "StartingPosition"));
  if (position === unknown || position === "TRIM_HORIZON" || position === undefined) return [];
  return [
    {
      code: "LATEST_LOSES",
      resource: id,
      found: `StartingPosition ${position}`,
      expected: "TRIM_HORIZON",
      fix: "Set StartingPosition to TRIM_HORIZON in a new mapping. With LATEST, changes are missed while the mapping is created.",
    },
  ];
};

/** A window needs a state in the response. */
export const tumblingWindow: MappingRule = ({ id, properties }) => {
  const seconds = numberOf(read(properties, "TumblingWindowInSeconds"));
  if (seconds === undefined || seconds === unknown || seconds <= 0) return [];
  return [
    {
      code: "TUMBLING_WINDOW",
      resource: id,
      found: `a tumbling window of ${seconds} s`,
      expected: "no tumbling window",
      fix: "Remove TumblingWindowInSeconds. The handler returns no state.",
    },
  ];
};

const longestAge = 604_800;

const ranges = [
  ["BatchSize", 1, 10_000],
  ["MaximumBatchingWindowInSeconds", 0, 300],
  ["ParallelizationFactor", 1, 10],
  ["MaximumRetryAttempts", -1, 10_000],
  ["MaximumRecordAgeInSeconds", 60, longestAge],
] as const;

/** Lambda refuses numbers outside of its limits. */
export const numbers: MappingRule = ({ id, properties }) =>
  ranges.flatMap(([name, min, max]) => {
    const value = numberOf(read(properties, name));
    if (value === undefined || value === unknown || (value >= min && value <= max)) return [];
    if (name === "MaximumRecordAgeInSeconds" && value === -1) return [];
    return [
      {
        code: "OPTION_RANGE" as const,
        resource: id,
        found: `${name} ${value}`,
        expected: `a number from ${min} to ${max}`,
        fix: `Set ${name} within these limits. Lambda refuses the mapping.`,
      },
    ];
  });

const streamSeconds = 86_400;

/** The stream deletes a record before Lambda would write it to the destination. */
export const recordAge: MappingRule = ({ id, properties }) => {
  const seconds = numberOf(read(properties, "MaximumRecordAgeInSeconds"));
  if (seconds === undefined || seconds === unknown || seconds < streamSeconds || seconds > longestAge) return [];
  return [
    {
      code: "RECORD_AGE_TOO_LONG",
      resource: id,
      found: `MaximumRecordAgeInSeconds ${seconds}`,
      expected: `less than ${streamSeconds}`,
      fix: "Set MaximumRecordAgeInSeconds to at most 79200. The stream deletes a record after 24 hours, before Lambda would write it to the destination.",
    },
  ];
};

/** One stream has one mapping for one function. */
export const mappingTwice: MappingRule = (mapping, { mappings }) => {
  const isSame = (other: Mapping): boolean =>
    mapping.functionId !== undefined &&
    other.functionId === mapping.functionId &&
    // Under two conditions, the two may never exist together.
    other.condition === mapping.condition &&
    JSON.stringify(other.source) === JSON.stringify(mapping.source) &&
    JSON.stringify(other.properties.FunctionName) === JSON.stringify(mapping.properties.FunctionName);
  const first = mappings.find(isSame);
  if (first === undefined || first === mapping) return [];
  return [
    {
      code: "MAPPING_TWICE",
      resource: mapping.id,
      found: `a second mapping of this source to the function ${mapping.functionId}`,
      expected: "one mapping",
      fix: "Remove one mapping. Lambda refuses the second one, or delivers each record twice.",
    },
  ];
};

/** The records must contain what the pipeline writes. */
export const viewType: MappingRule = ({ source }, { resources }) => {
  const table = resources.get(referenceOf(source)?.id ?? "");
  if (!isTable(table)) return [];
  const specification = read(table.properties, "StreamSpecification");
  if (specification === undefined) {
    return [
      {
        code: "STREAM_MISSING",
        resource: table.id,
        found: "a table without a stream",
        expected: "a stream with NEW_AND_OLD_IMAGES",
        fix: "Set StreamSpecification to { StreamViewType: NEW_AND_OLD_IMAGES }.",
      },
    ];
  }
  const view = textOf(readPath(table.properties, ["StreamSpecification", "StreamViewType"]));
  if (view === undefined || view === unknown || view === "NEW_AND_OLD_IMAGES" || view === "NEW_IMAGE") return [];
  return [
    {
      code: "VIEW_TYPE",
      resource: table.id,
      found: `StreamViewType ${view}`,
      expected: "NEW_AND_OLD_IMAGES, or NEW_IMAGE",
      fix: "Switch the stream off, deploy, and switch it on with NEW_AND_OLD_IMAGES. A view type cannot be changed.",
    },
  ];
};
