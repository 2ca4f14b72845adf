// The event source mapping from a table's stream to a function.

import { checkFilters, DeployError, rightRows } from "@sluice/rules";
import { Annotations, Duration } from "aws-cdk-lib";
import { StreamViewType } from "aws-cdk-lib/aws-dynamodb";
import { type Grant, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnEventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import type { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { allowActions } from "../function/allow.ts";
import { grantSend } from "../queues/dead-letters.ts";
import { checkMapping, type MappingOptions } from "./mapping-options.ts";
import { grantOnFailure, isBucket } from "./on-failure-bucket.ts";
import { checkRegion, checkViewType, type StreamSource } from "./stream-source.ts";

/** Options of `StreamConsumer`. */
export interface StreamConsumerProps extends MappingOptions {
  /** The stream: `sourceOfTable(table)` or `sourceOfStream({ streamArn })`. */
  readonly source: StreamSource;
  /** The function, or its alias. */
  readonly target: IFunction;
  /**
   * Where Lambda writes the batches that it gives up on. A bucket gets the whole batch. A queue gets a pointer into the
   * stream, which deletes records after 24 hours. Default: no destination.
   */
  readonly onFailure?: IBucket | Bucket | IQueue | undefined;
}

/** The age at which Lambda saves a record to the destination: two hours before the stream deletes it. */
const defaultAge = Duration.hours(22);

/** Feeds a function with the records of a stream. */
export class StreamConsumer extends Construct {
  readonly mapping: CfnEventSourceMapping;

  constructor(scope: Construct, id: string, props: StreamConsumerProps) {
    super(scope, id);
    checkRegion(this, props.source);
    checkViewType(props.source);
    checkMapping(props, props.onFailure !== undefined);
    checkFilters(props.filters ?? [], {
      dropsRemovals: props.filtersDropRemovals ?? false,
      warn: (warning, message) => Annotations.of(this).addWarningV2(`@sluice/cdk:${warning}`, message),
    });
    checkFilteredImages(props);
    this.mapping = mappingOf(this, props);
    acknowledgeChoices(this.mapping, props);
    if (props.logicalId !== undefined) this.mapping.overrideLogicalId(props.logicalId);
    // Lambda decrypts the filters as itself.
    props.filterEncryption?.grant(new ServicePrincipal("lambda.amazonaws.com"), "kms:Decrypt");
    for (const grant of [...grantStream(props), ...grantDestination(props)]) grant.applyBefore(this.mapping);
  }
}

/** With new images only, a filter cannot see that an item leaves it. The item would keep its copy. */
const checkFilteredImages = ({ filters = [], source }: StreamConsumerProps): void => {
  if (filters.length === 0 || source.viewType !== StreamViewType.NEW_IMAGE) return;
  throw new DeployError(
    "FILTER_VIEW_TYPE",
    "mapping.filters is set and the stream has the view type NEW_IMAGE, expected NEW_AND_OLD_IMAGES: a change with which an item " +
      "leaves the filter would not reach the function, and its copy would stay. Change the view type, or filter by .when().",
  );
};

/** What the options accept, `SluiceRules` accept too, which read the template alone. */
const acknowledgeChoices = (mapping: CfnEventSourceMapping, props: StreamConsumerProps): void => {
  const acknowledge = {
    ...(props.startingPosition === "LATEST" && { LATEST_LOSES: props.latestBecause }),
    ...(props.filtersDropRemovals === true && { FILTER_DROPS_REMOVALS: "filtersDropRemovals is true" }),
    ...(props.bisectBatchOnError === false && { BISECT_MISSING: "bisectBatchOnError is false" }),
  };
  if (Object.keys(acknowledge).length > 0) mapping.addMetadata("sluice", { acknowledge });
};

const mappingOf = (scope: Construct, props: StreamConsumerProps): CfnEventSourceMapping => {
  const age = props.maxRecordAge ?? (props.onFailure && defaultAge);
  const filters = props.filters ?? [];
  return new CfnEventSourceMapping(scope, "Mapping", {
    functionName: props.target.functionArn,
    eventSourceArn: props.source.streamArn,
    startingPosition: props.startingPosition ?? "TRIM_HORIZON",
    batchSize: props.batchSize ?? 1_000,
    maximumBatchingWindowInSeconds: (props.batchingWindow ?? Duration.seconds(1)).toSeconds(),
    bisectBatchOnFunctionError: props.bisectBatchOnError ?? true,
    maximumRetryAttempts: props.retryAttempts ?? -1,
    maximumRecordAgeInSeconds: age?.toSeconds() ?? -1,
    parallelizationFactor: props.parallelizationFactor ?? 1,
    functionResponseTypes: ["ReportBatchItemFailures"],
    enabled: props.enabled ?? true,
    ...(props.metrics !== false && { metricsConfig: { metrics: ["EventCount"] } }),
    ...(props.onFailure && { destinationConfig: { onFailure: { destination: destinationOf(props.onFailure) } } }),
    ...(filters.length > 0 && {
      filterCriteria: { filters: filters.map((pattern) => ({ pattern: JSON.stringify(pattern) })) },
    }),
    ...(props.filterEncryption && { kmsKeyArn: props.filterEncryption.keyArn }),
  });
};

const destinationOf = (destination: IBucket | IQueue): string => {
  if (isBucket(destination)) return destination.bucketArn;
  if (!destination.fifo) return destination.queueArn;
  throw new DeployError(
    "DESTINATION_FIFO",
    `the on-failure destination ${destination.node.path} is a FIFO queue, expected a bucket or a standard queue: Lambda cannot ` +
      "write to a FIFO queue, and would delete the batches. Leave onFailure out, so that a bucket is created.",
  );
};

/**
 * Lambda reads the stream with the role of the function. All four actions accept the ARN of the stream, so no wildcard is
 * needed.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/iam-policy-example-lamda-process-dynamodb-streams.html (read 2026-11-28)
 */
const grantStream = ({ source, target }: StreamConsumerProps): readonly Grant[] => {
  const read = allowActions(target, rightRows.stream.actions, [source.streamArn]);
  const key = source.encryptionKey?.grant(target, ...rightRows.streamKey.actions);
  return key === undefined ? [read] : [read, key];
};

const grantDestination = ({ onFailure, target }: StreamConsumerProps): readonly Grant[] => {
  if (onFailure === undefined) return [];
  return isBucket(onFailure) ? grantOnFailure(onFailure, target) : grantSend(onFailure, target);
};
