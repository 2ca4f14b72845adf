// The event source mapping from a table's stream to the function: every setting that decides whether records are lost.

import { Annotations, Duration, Token } from "aws-cdk-lib";
import { type ITable, StreamViewType } from "aws-cdk-lib/aws-dynamodb";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { CfnEventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import { allow } from "../grant.ts";
import { checkedFilters, type FilterPattern } from "./filters.ts";
import type { OnFailureBucket } from "./on-failure-bucket.ts";

/** Settings of the event source mapping. Each has a default with which nothing is lost. */
export interface StreamSettings {
  /**
   * Changes for one call, 1 to 10,000. Default 1,000: a sink writes them in few requests, and with 1 KB images they stay below
   * Lambda's 6 MB. A larger batch costs less, and is repeated as a whole more often.
   */
  readonly batchSize?: number;
  /** How long a batch collects changes, at most 300 s. Default 1 s: a quiet table costs one call a second, not one a change. */
  readonly batchingWindow?: Duration;
  /**
   * Batches of a shard at the same time, 1 to 10. Default 1. Lambda keeps the order of an item with any factor. Raise it when
   * the iterator age grows although the function does not fail.
   */
  readonly parallelizationFactor?: number;
  /** Splits a batch when the function fails as a whole. Default true: a batch that crashes the function becomes a single record. */
  readonly bisectBatchOnError?: boolean;
  /**
   * Calls for a batch that fails, -1 (no limit) to 10,000. Default 10,000 with an on-failure destination: the pipeline settles
   * bad records itself, so whatever still fails is an outage, which must block and not lose.
   */
  readonly retryAttempts?: number;
  /**
   * Age at which Lambda gives up on a record, 60 s to 24 h. Default: no limit, because the stream forgets after 24 hours in any
   * case. With a shorter age, a backlog goes to the on-failure destination.
   */
  readonly maxRecordAge?: Duration;
  /**
   * Where a new mapping starts to read. Default `TRIM_HORIZON`. `LATEST` loses what changes in the minutes until the mapping is
   * active, and gives a warning. A mapping cannot change its position: see `docs/deploying.md#changes`.
   */
  readonly startingPosition?: "TRIM_HORIZON" | "LATEST";
  /**
   * What Lambda passes to the function. Default: everything. `eventFilters` of `@sluice/core` derives filters from the filters
   * of the pipeline. At least one must let removals pass.
   */
  readonly filters?: readonly FilterPattern[];
  /** A key of your own for the filters. Default: the key of Lambda. */
  readonly filterEncryptionKey?: IKey;
  /** Whether Lambda polls the stream. Default true. */
  readonly enabled?: boolean;
}

/** A stream that is not that of a table in this app. */
export interface StreamReference {
  readonly streamArn: string;
  /** Default `NEW_AND_OLD_IMAGES`, which is not checked. */
  readonly viewType?: StreamViewType;
  /** The key of a table that is encrypted with a key of your own. */
  readonly encryptionKey?: IKey;
}

/** Options of `StreamConsumer`. */
export interface StreamConsumerProps extends StreamSettings {
  /** A table with a stream of the view type `NEW_AND_OLD_IMAGES`, or the stream. */
  readonly source: ITable | StreamReference;
  /** The function, or an alias of it. */
  readonly target: IFunction;
  /** Undefined if records that Lambda gives up on may be lost; then `retryAttempts` and `maxRecordAge` must be unlimited. */
  readonly onFailure?: OnFailureBucket | undefined;
}

/** Seconds of Lambda's limits: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html (read 2026-11-25). */
const unlimited = -1;

const isTable = (source: ITable | StreamReference): source is ITable => "tableArn" in source;

/** The view type that a table of this app was created with. Undefined for an imported table. */
const viewTypeOf = (source: ITable | StreamReference): string | undefined => {
  if (!isTable(source)) return source.viewType;
  const resource = source.node.defaultChild as
    | { readonly streamSpecification?: { readonly streamViewType?: string } | unknown }
    | undefined;
  const specification = resource?.streamSpecification as { readonly streamViewType?: string } | undefined;
  return specification?.streamViewType;
};

const streamArnOf = (source: ITable | StreamReference): string => {
  const arn = isTable(source) ? source.tableStreamArn : source.streamArn;
  if (arn !== undefined) return arn;
  throw new DeployError(
    "STREAM_MISSING",
    "the table has no stream; expected stream: StreamViewType.NEW_AND_OLD_IMAGES (TableV2: dynamoStream). For an imported table: Table.fromTableAttributes with tableStreamArn",
  );
};

const checkViewType = (source: ITable | StreamReference): void => {
  const viewType = viewTypeOf(source);
  if (viewType === undefined || Token.isUnresolved(viewType) || viewType === StreamViewType.NEW_AND_OLD_IMAGES) return;
  if (viewType === StreamViewType.NEW_IMAGE) return;
  throw new DeployError(
    "STREAM_VIEW_TYPE",
    `the stream's view type is ${viewType}; expected NEW_AND_OLD_IMAGES. The new image is what a copy is made of`,
  );
};

const checkRange = (code: string, name: string, value: number, [least, most]: readonly [number, number]): void => {
  if (Token.isUnresolved(value) || (Number.isInteger(value) && value >= least && value <= most)) return;
  throw new DeployError(code, `${name} is ${value}; expected a whole number from ${least} to ${most}`);
};

const checkLoss = ({ retryAttempts, maxRecordAge, onFailure }: StreamConsumerProps): void => {
  if (onFailure !== undefined) return;
  if ((retryAttempts ?? unlimited) === unlimited && maxRecordAge === undefined) return;
  throw new DeployError(
    "LOSS_WITHOUT_DESTINATION",
    "retryAttempts or maxRecordAge is limited, and there is no on-failure destination: Lambda would delete records without a trace; expected an OnFailureBucket, or no limits",
  );
};

/** An event source mapping with partial batch responses, and the right to read the stream. */
export class StreamConsumer extends Construct {
  readonly mapping: CfnEventSourceMapping;

  constructor(scope: Construct, id: string, props: StreamConsumerProps) {
    super(scope, id);
    const { source, target, onFailure, batchSize = 1_000, batchingWindow = Duration.seconds(1) } = props;
    const { parallelizationFactor = 1, startingPosition = "TRIM_HORIZON", filters = [], maxRecordAge } = props;
    const retryAttempts = props.retryAttempts ?? (onFailure === undefined ? unlimited : 10_000);
    const eventSourceArn = streamArnOf(source);
    checkViewType(source);
    checkRange("BATCH_SIZE_INVALID", "batchSize", batchSize, [1, 10_000]);
    checkRange("WINDOW_INVALID", "batchingWindow in seconds", batchingWindow.toSeconds(), [0, 300]);
    checkRange("PARALLELIZATION_INVALID", "parallelizationFactor", parallelizationFactor, [1, 10]);
    checkRange("RETRY_ATTEMPTS_INVALID", "retryAttempts", retryAttempts, [unlimited, 10_000]);
    if (maxRecordAge)
      checkRange("RECORD_AGE_INVALID", "maxRecordAge in seconds", maxRecordAge.toSeconds(), [60, 604_800]);
    checkLoss(props);
    if (startingPosition === "LATEST") {
      Annotations.of(this).addWarningV2(
        "@sluice/cdk:latest",
        "LATEST loses the changes of the minutes until Lambda has activated the mapping; expected TRIM_HORIZON, which repeats at most 24 hours",
      );
    }
    this.#grantRead(target, source, eventSourceArn);
    onFailure?.grantDestination(target);
    this.mapping = new CfnEventSourceMapping(this, "Mapping", {
      functionName: target.functionArn,
      eventSourceArn,
      startingPosition,
      batchSize,
      maximumBatchingWindowInSeconds: batchingWindow.toSeconds(),
      parallelizationFactor,
      bisectBatchOnFunctionError: props.bisectBatchOnError ?? true,
      maximumRetryAttempts: retryAttempts,
      maximumRecordAgeInSeconds: maxRecordAge?.toSeconds() ?? unlimited,
      functionResponseTypes: ["ReportBatchItemFailures"],
      metricsConfig: { metrics: ["EventCount"] },
      enabled: props.enabled ?? true,
      ...(onFailure && { destinationConfig: { onFailure: { destination: onFailure.bucket.bucketArn } } }),
      ...(filters.length > 0 && { filterCriteria: { filters: [...checkedFilters(filters)] } }),
      ...(props.filterEncryptionKey && { kmsKeyArn: props.filterEncryptionKey.keyArn }),
    });
    // Lambda tries the rights when it creates the mapping.
    const role = (target as { readonly role?: Construct }).role;
    if (role !== undefined) this.mapping.node.addDependency(role);
  }

  #grantRead(target: IFunction, source: ITable | StreamReference, streamArn: string): void {
    allow(target, {
      actions: ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      resources: [streamArn],
    });
    // ListStreams has no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    allow(target, { actions: ["dynamodb:ListStreams"], resources: ["*"] });
    source.encryptionKey?.grant(target, "kms:Decrypt");
  }
}
