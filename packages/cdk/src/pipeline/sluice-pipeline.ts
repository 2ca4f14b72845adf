// A pipeline in production: table, function, queues, mapping and rights, with every setting right by default.

import { Annotations, type Duration } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { CfnEventSourceMapping, IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import { checkEntry, checkPackages } from "../function/bundling.ts";
import { sharedNetwork } from "../function/network.ts";
import { type FunctionOptions, PipelineFunction } from "../function/pipeline-function.ts";
import { checkDeadLetters, DeadLetters, type DeadLettersOptions, grantSend } from "../queues/dead-letters.ts";
import { DedupeTable, type DedupeTableOptions, type DedupeUse, grantDedupe } from "../queues/dedupe-table.ts";
import { isQueue } from "../queues/queue-facts.ts";
import { type RetryConsumption, RetryQueue, type RetryQueueOptions } from "../queues/retry-queue.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import type { MappingOptions } from "../stream/mapping-options.ts";
import {
  type ChangeBucketOptions,
  grantPayloads,
  isBucket,
  OnFailureBucket,
  PayloadBucket,
} from "../stream/on-failure-bucket.ts";
import { StreamConsumer } from "../stream/stream-consumer.ts";
import {
  type AnyTable,
  type StreamGiven,
  type StreamSource,
  sourceOfStream,
  sourceOfTable,
} from "../stream/stream-source.ts";
import { setEnvironment } from "./environment.ts";
import { knownNumber, knownSeconds } from "./known.ts";
import type { PipelineResources } from "./resources.ts";

/** The dedupe table of a pipeline, and what its routes do with it. */
export interface DedupeOptions extends DedupeTableOptions {
  /**
   * What routes do with the table. Default `["on-failure"]`, and `"retry"` if there is a retry queue. Add `"always"` for
   * routes with `dedupe: "always"`, such as e-mail.
   */
  readonly uses?: readonly DedupeUse[];
  /** A table of your own. Default: the construct creates one. */
  readonly table?: AnyTable;
}

/** A retry queue of your own, and how the function consumes it. */
export interface RetryQueueGiven extends RetryConsumption {
  readonly queue: IQueue;
}

/** Options of `SluicePipeline`. */
export interface SluicePipelineProps {
  /** The table, with a stream. It may belong to another stack, or be imported with its `tableStreamArn`. */
  readonly table?: AnyTable;
  /** The stream, if there is no construct of the table. */
  readonly stream?: StreamGiven;
  /** The file that exports the handler: `pipeline("orders", …).handler()`. */
  readonly entry?: string;
  /** A function of your own, instead of `entry`. */
  readonly function?: LambdaFunction;
  /** The log group of `function`. Default: the one that CDK knows. */
  readonly logGroup?: ILogGroup;
  /** The name of the export. Default `handler`. */
  readonly handler?: string;
  /** The first argument of `pipeline("orders", …)`. Default: the id of this construct. */
  readonly pipelineName?: string;
  /** What the function may do with its targets: `postgresAccess(…)` and others. */
  readonly sinks: readonly SinkAccess[];
  /** The event source mapping from the stream. */
  readonly mapping?: MappingOptions;
  readonly functionOptions?: FunctionOptions;
  /** The retry queue, so that a target that is down does not block the stream. `false`: none. Default: a standard queue. */
  readonly retryQueue?: RetryQueueOptions | RetryQueueGiven | false;
  /** The queue of rejected records. `false`: none, for `onReject: "block"`. Default: a queue. */
  readonly deadLetters?: DeadLettersOptions | IQueue | false;
  /** Where Lambda writes batches that it gives up on. `false`: nowhere. Default: a bucket, which gets whole batches. */
  readonly onFailure?: ChangeBucketOptions | IBucket | Bucket | IQueue | false;
  /** The table of append routes, and of FIFO retry queues. Default: none. */
  readonly dedupe?: DedupeOptions | boolean;
  /** The bucket of `s3PayloadStore`, for records that are too large for a message. Default: none. */
  readonly payloads?: ChangeBucketOptions | IBucket | Bucket | boolean;
  /** Variables of the function, besides those of the construct and of the sinks. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Seconds that an invocation needs besides the longest request: to start, to store dead letters and to report. */
const reserveSeconds = 5;

/** A pipeline of Sluice: one construct, everything right. */
export class SluicePipeline extends Construct implements PipelineResources {
  readonly pipelineName: string;
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  readonly mapping: CfnEventSourceMapping;
  readonly retryMapping: CfnEventSourceMapping | undefined;
  readonly deadLetters: IQueue | undefined;
  readonly retryQueue: IQueue | undefined;
  readonly onFailureBucket: IBucket | undefined;
  readonly dedupeTable: ITable | undefined;
  readonly payloadBucket: IBucket | undefined;
  readonly table: ITable | undefined;
  readonly sinks: readonly SinkAccess[];

  constructor(scope: Construct, id: string, props: SluicePipelineProps) {
    super(scope, id);
    const source = sourceOf(props);
    this.pipelineName = props.pipelineName ?? id;
    this.sinks = props.sinks;
    this.table = props.table as ITable | undefined;
    const made = functionOf(this, props);
    this.function = made.function;
    this.logGroup = made.logGroup;
    checkTimeout(this.function.timeout, props.sinks);
    checkConcurrency(this, props);

    this.deadLetters = deadLettersOf(this, props.deadLetters);
    if (this.deadLetters) grantSend(this.deadLetters, this.function);
    const retry = retryQueueOf(this, props.retryQueue, made.target);
    this.retryQueue = retry?.queue;
    this.retryMapping = retry?.mapping;
    checkQueues(this.retryQueue, this.deadLetters);
    this.dedupeTable = dedupeOf(this, props.dedupe);
    this.payloadBucket = payloadsOf(this, props.payloads);
    if (this.payloadBucket) grantPayloads(this.payloadBucket, this.function);
    const onFailure = onFailureOf(this, props.onFailure);
    this.onFailureBucket = isBucket(onFailure) ? onFailure : undefined;
    this.mapping = new StreamConsumer(this, "Stream", {
      ...props.mapping,
      source,
      target: made.target,
      onFailure,
    }).mapping;

    setEnvironment(this.function, [
      { owner: "the pipeline", variables: variablesOf(this, source) },
      ...props.sinks.map(({ name, environment = {} }) => ({ owner: `the sink ${name}`, variables: environment })),
      { owner: "the option environment", variables: props.environment ?? {} },
    ]);
    for (const sink of props.sinks) sink.grant(this.function, "write");
  }
}

const sourceOf = ({ table, stream }: SluicePipelineProps): StreamSource => {
  if (table !== undefined && stream === undefined) return sourceOfTable(table);
  if (table === undefined && stream !== undefined) return sourceOfStream(stream);
  if (table !== undefined && stream !== undefined) return { ...sourceOfStream(stream), tableArn: table.tableArn };
  throw new DeployError(
    "SOURCE_MISSING",
    "there is no table and no stream, expected one of them. Set table to the table's construct, or stream to { streamArn }.",
  );
};

interface MadeFunction {
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  readonly target: IFunction;
}

const functionOf = (scope: SluicePipeline, props: SluicePipelineProps): MadeFunction => {
  const { entry, handler, functionOptions = {}, sinks } = props;
  if ((entry === undefined) === (props.function === undefined)) {
    throw new DeployError(
      "ENTRY_OR_FUNCTION",
      `${entry === undefined ? "there is no entry and no function" : "there is an entry and a function"}, expected one of them. ` +
        "Set entry to the file that exports the handler, or function to a function of your own.",
    );
  }
  if (props.function !== undefined) return givenFunction(props.function, props);
  const path = checkEntry(entry ?? "");
  for (const { name, packages = [] } of sinks) checkPackages(path, `the sink ${name}`, packages);
  const network = sharedNetwork(sinks, functionOptions.network);
  return new PipelineFunction(scope, "Function", {
    ...functionOptions,
    entry: path,
    ...(handler !== undefined && { handler }),
    ...(network && { network }),
  });
};

const givenFunction = (
  given: LambdaFunction,
  { functionOptions, handler, logGroup, sinks }: SluicePipelineProps,
): MadeFunction => {
  const options = [...Object.keys(functionOptions ?? {}), ...(handler === undefined ? [] : ["handler"])];
  if (options.length > 0) {
    throw new DeployError(
      "FUNCTION_OPTIONS",
      `the pipeline has a function of its own, and options of a function (${options.join(", ")}); expected one of the two. Set ` +
        "the options on the function, or pass entry instead of function.",
    );
  }
  sharedNetwork(sinks, undefined);
  return { function: given, logGroup: logGroup ?? given.logGroup, target: given };
};

const checkTimeout = (timeout: Duration | undefined, sinks: readonly SinkAccess[]): void => {
  // 3 seconds is Lambda's own default.
  const seconds = timeout === undefined ? 3 : knownSeconds(timeout);
  if (seconds === undefined) return;
  for (const { name, maxSeconds = 0 } of sinks) {
    if (seconds >= maxSeconds + reserveSeconds) continue;
    throw new DeployError(
      "TIMEOUT_TOO_SHORT",
      `the function's timeout is ${seconds} s, expected at least ${maxSeconds + reserveSeconds} s: a request of the sink ${name} may ` +
        `take ${maxSeconds} s, and the invocation needs ${reserveSeconds} s to start and to store what failed. Raise ` +
        "functionOptions.timeout, or lower the sink's timeout.",
    );
  }
};

const checkConcurrency = (scope: Construct, { functionOptions, mapping }: SluicePipelineProps): void => {
  const reserved = knownNumber(functionOptions?.reservedConcurrency);
  const factor = knownNumber(mapping?.parallelizationFactor) ?? 1;
  if (reserved === undefined || reserved >= factor) return;
  Annotations.of(scope).addWarningV2(
    "@sluice/cdk:reserved-concurrency",
    `functionOptions.reservedConcurrency is ${reserved}, and mapping.parallelizationFactor ${factor}: a single shard already uses ` +
      `${factor} invocations at once, so batches are throttled. Reserve at least the number of shards times ${factor}.`,
  );
};

const deadLettersOf = (scope: Construct, option: SluicePipelineProps["deadLetters"] = {}): IQueue | undefined => {
  if (option === false) return undefined;
  if (!isQueue(option)) return new DeadLetters(scope, "DeadLetters", option).queue;
  checkDeadLetters(option);
  return option;
};

const retryQueueOf = (
  scope: SluicePipeline,
  option: SluicePipelineProps["retryQueue"] = {},
  target: IFunction,
): RetryQueue | undefined => {
  if (option === false) return undefined;
  return new RetryQueue(scope, "Retry", { ...option, target, timeout: scope.function.timeout });
};

const checkQueues = (retryQueue: IQueue | undefined, deadLetters: IQueue | undefined): void => {
  if (retryQueue === undefined || deadLetters === undefined) return;
  if (retryQueue !== deadLetters && retryQueue.queueArn !== deadLetters.queueArn) return;
  throw new DeployError(
    "QUEUES_SAME",
    `${retryQueue.node.path} is the retry queue and the dead-letter queue, expected two queues: the function would consume its ` +
      "own dead letters. Leave one of them out, so that the construct creates it.",
  );
};

const dedupeOf = (scope: SluicePipeline, option: SluicePipelineProps["dedupe"] = false): ITable | undefined => {
  if (option === false) return undefined;
  const options: DedupeOptions = option === true ? {} : option;
  const table = (options.table as ITable | undefined) ?? new DedupeTable(scope, "Dedupe", options).table;
  const defaultUses: readonly DedupeUse[] = scope.retryQueue ? ["on-failure", "retry"] : ["on-failure"];
  grantDedupe(table, scope.function, options.uses ?? defaultUses);
  return table;
};

const payloadsOf = (scope: Construct, option: SluicePipelineProps["payloads"] = false): IBucket | undefined => {
  if (option === false) return undefined;
  if (option === true) return new PayloadBucket(scope, "Payloads").bucket;
  return isBucket(option) ? option : new PayloadBucket(scope, "Payloads", option).bucket;
};

const onFailureOf = (scope: Construct, option: SluicePipelineProps["onFailure"] = {}): IBucket | IQueue | undefined => {
  if (option === false) return undefined;
  if (isBucket(option) || isQueue(option)) return option;
  return new OnFailureBucket(scope, "OnFailure", option).bucket;
};

const variablesOf = (pipeline: SluicePipeline, source: StreamSource): Readonly<Record<string, string>> => ({
  SOURCE_TABLE: source.tableArn,
  ...(pipeline.deadLetters && { DEAD_LETTER_QUEUE_URL: pipeline.deadLetters.queueUrl }),
  ...(pipeline.retryQueue && { RETRY_QUEUE_URL: pipeline.retryQueue.queueUrl }),
  ...(pipeline.dedupeTable && { DEDUPE_TABLE: pipeline.dedupeTable.tableName }),
  ...(pipeline.onFailureBucket && { ON_FAILURE_BUCKET: pipeline.onFailureBucket.bucketName }),
  ...(pipeline.payloadBucket && { PAYLOAD_BUCKET: pipeline.payloadBucket.bucketName }),
});
