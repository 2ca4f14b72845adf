// A pipeline in production: the function, its event sources, queues, buckets and rights, each with its defaults.

import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { Annotations, Duration } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { CfnEventSourceMapping, IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import { type EnsureSettings, EnsureTargets } from "../function/ensure-targets.ts";
import { defaultTimeout, PipelineFunction } from "../function/pipeline-function.ts";
import { DeadLetters } from "../queues/dead-letters.ts";
import { RetryQueue } from "../queues/retry-queue.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { DedupeTable, type DedupeUse } from "../storage/dedupe-table.ts";
import { PayloadBucket } from "../storage/payload-bucket.ts";
import { OnFailureBucket } from "../stream/on-failure-bucket.ts";
import { StreamConsumer, type StreamReference } from "../stream/stream-consumer.ts";
import { mergedVariables, networkOf } from "./environment.ts";
import type { SluicePipelineProps } from "./pipeline-props.ts";
import type { PipelineResources } from "./resources.ts";

/** Core ends its work this long before the function's timeout, to store what has failed. */
const reserveSeconds = 5;

/** What the option means: `true` and undefined are the defaults, `false` is without. */
const settingsOf = <Settings extends object>(option: Settings | boolean | undefined): Settings | undefined =>
  option === false ? undefined : ((option === true || option === undefined ? {} : option) as Settings);

/** The queues and stores of a pipeline. Undefined: the pipeline has none. */
interface Parts {
  readonly deadLetters: DeadLetters | undefined;
  readonly retryQueue: RetryQueue | undefined;
  readonly onFailure: OnFailureBucket | undefined;
  readonly dedupe: DedupeTable | undefined;
  readonly payloads: PayloadBucket | undefined;
}

const partsOf = (scope: Construct, props: SluicePipelineProps, timeout: Duration): Parts => {
  const deadLetters = settingsOf(props.deadLetters);
  const retryQueue = settingsOf(props.retryQueue);
  const onFailure = settingsOf(props.onFailure);
  const dedupe = settingsOf(props.dedupe ?? false);
  const payloads = settingsOf(props.payloads ?? false);
  // A redrive may make the queue of dead letters an event source of the function.
  const visibilityTimeout = Duration.seconds(6 * timeout.toSeconds());
  return {
    deadLetters: deadLetters && new DeadLetters(scope, "DeadLetters", { visibilityTimeout, ...deadLetters }),
    retryQueue: retryQueue && new RetryQueue(scope, "Retry", { functionTimeout: timeout, ...retryQueue }),
    onFailure: onFailure && new OnFailureBucket(scope, "OnFailure", onFailure),
    dedupe: dedupe && new DedupeTable(scope, "Dedupe", dedupe),
    payloads: payloads && new PayloadBucket(scope, "Payloads", payloads),
  };
};

const dedupeUses = ({ dedupe, retryQueue }: SluicePipelineProps): readonly DedupeUse[] => {
  const asked = typeof dedupe === "object" ? dedupe.uses : undefined;
  return asked ?? (retryQueue === false ? ["journal"] : ["journal", "pending"]);
};

const variablesOf = (
  { table, sinks, functionSettings }: SluicePipelineProps,
  { deadLetters, retryQueue, onFailure, dedupe, payloads }: Parts,
): Readonly<Record<string, string>> => {
  const variables = {
    ...(table && { SOURCE_TABLE: table.tableArn }),
    ...(deadLetters && { DEAD_LETTER_QUEUE_URL: deadLetters.queue.queueUrl }),
    ...(retryQueue && { RETRY_QUEUE_URL: retryQueue.queue.queueUrl }),
    ...(onFailure && { ON_FAILURE_BUCKET: onFailure.bucket.bucketName }),
    ...(dedupe && { DEDUPE_TABLE: dedupe.table.tableName }),
    ...(payloads && { PAYLOAD_BUCKET: payloads.bucket.bucketName }),
  };
  return mergedVariables([
    { owner: "SluicePipeline", variables },
    ...sinks.map(({ name, environment }) => ({ owner: `the sink ${name}`, variables: environment })),
    { owner: "the option environment", variables: functionSettings?.environment },
  ]);
};

const checkTimeout = (sinks: readonly SinkAccess[], timeout: Duration): void => {
  for (const { name, maxSeconds = 0 } of sinks) {
    if (timeout.toSeconds() >= maxSeconds + reserveSeconds) continue;
    throw new DeployError(
      "TIMEOUT_TOO_SHORT",
      `the function's timeout is ${timeout.toSeconds()} s, and one request of the sink ${name} may take ${maxSeconds} s; expected ${maxSeconds + reserveSeconds} s or more. Raise the timeout, or lower timeoutMs of the sink`,
    );
  }
};

const checkPackages = (entry: string, sinks: readonly SinkAccess[]): void => {
  const { resolve } = createRequire(pathToFileURL(`${dirname(entry)}/package.json`));
  for (const { name, packages = [] } of sinks) {
    for (const wanted of packages) {
      try {
        resolve(wanted);
      } catch (cause) {
        if ((cause as { readonly code?: unknown }).code !== "MODULE_NOT_FOUND") continue;
        throw new DeployError(
          "PACKAGE_MISSING",
          `the sink ${name} needs the package ${wanted}, which is not installed beside ${entry}; expected: npm install ${wanted}`,
        );
      }
    }
  }
};

/**
 * A pipeline with every setting right. It creates the function, the event source mappings, the queues, the on-failure
 * bucket and, if asked, the dedupe table and the bucket of large records, and gives the function the rights that they need.
 * @throws {DeployError} when options are wrong, or would lose records together.
 * @example
 * new SluicePipeline(this, "Orders", { table, entry: "src/orders.ts", sinks: [sqsAccess({ queue })] });
 */
export class SluicePipeline extends Construct implements PipelineResources {
  readonly pipelineName: string;
  readonly function: LambdaFunction;
  /** What the event sources call: the function, or its alias. */
  readonly target: IFunction;
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
    const { sinks, functionSettings } = props;
    const source = this.#sourceOf(props);
    this.pipelineName = props.pipelineName ?? id;
    this.table = props.table;
    this.sinks = sinks;
    const timeout = props.function?.timeout ?? functionSettings?.timeout ?? defaultTimeout;
    checkTimeout(sinks, timeout);

    const parts = partsOf(this, props, timeout);
    const { deadLetters, retryQueue, onFailure, dedupe, payloads } = parts;
    const environment = variablesOf(props, parts);
    const { target, logGroup, ...made } = this.#functionOf(props, environment);
    this.function = made.function;
    this.target = target;
    this.logGroup = logGroup;
    for (const sink of sinks) sink.grant(this.function, "write");
    deadLetters?.grantSend(this.function);
    dedupe?.grant(this.function, dedupeUses(props));
    payloads?.grant(this.function);
    this.mapping = new StreamConsumer(this, "Stream", { ...props.stream, source, target, onFailure }).mapping;
    this.retryMapping = retryQueue?.connect(target);
    this.deadLetters = deadLetters?.queue;
    this.retryQueue = retryQueue?.queue;
    this.onFailureBucket = onFailure?.bucket;
    this.dedupeTable = dedupe?.table;
    this.payloadBucket = payloads?.bucket;
    if (props.ensure !== undefined) this.#ensure(props.ensure, props, environment);
    this.#warn(props);
  }

  #ensure(
    settings: EnsureSettings,
    { functionSettings = {}, sinks }: SluicePipelineProps,
    environment: Readonly<Record<string, string>>,
  ): void {
    const { bundling, depsLockFilePath, projectRoot, runtime, architecture } = functionSettings;
    const shared = { bundling, depsLockFilePath, projectRoot, runtime, architecture, network: networkOf(sinks) };
    const before = [this.mapping, this.retryMapping].filter((mapping) => mapping !== undefined);
    new EnsureTargets(this, "Ensure", { ...shared, ...settings, environment, sinks, before });
  }

  #sourceOf({ table, source }: SluicePipelineProps): ITable | StreamReference {
    const found = table ?? source;
    if (found !== undefined && (table === undefined || source === undefined)) return found;
    throw new DeployError(
      "SOURCE_MISSING",
      `${found === undefined ? "neither table nor source is" : "both table and source are"} given; expected one: the table with a stream, or { streamArn }`,
    );
  }

  #functionOf(
    props: SluicePipelineProps,
    environment: Readonly<Record<string, string>>,
  ): { readonly function: LambdaFunction; readonly target: IFunction; readonly logGroup: ILogGroup } {
    const { entry, sinks, functionSettings } = props;
    if ((entry === undefined) === (props.function === undefined)) {
      throw new DeployError(
        "FUNCTION_MISSING",
        `${entry === undefined ? "neither entry nor function is" : "both entry and function are"} given; expected one: the file of the handler, or a function of your own`,
      );
    }
    if (props.function !== undefined) {
      for (const [name, value] of Object.entries(environment)) props.function.addEnvironment(name, value);
      return { function: props.function, target: props.function, logGroup: props.function.logGroup };
    }
    const network = networkOf(sinks);
    const made = new PipelineFunction(this, "Pipeline", {
      ...functionSettings,
      entry: entry as string,
      description: `Sluice pipeline ${this.pipelineName}`,
      environment,
      ...(network && { network }),
    });
    checkPackages(entry as string, sinks);
    return made;
  }

  #warn({ functionSettings, stream, retryQueue }: SluicePipelineProps): void {
    const { reservedConcurrency } = functionSettings ?? {};
    const factor = stream?.parallelizationFactor ?? 1;
    if (reservedConcurrency !== undefined && reservedConcurrency <= factor) {
      Annotations.of(this).addWarningV2(
        "@sluice/cdk:reservedConcurrency",
        `reservedConcurrency is ${reservedConcurrency}, and one shard already uses ${factor}; expected shards × parallelizationFactor and some for the retry queue`,
      );
    }
    if (retryQueue === false) {
      Annotations.of(this).addInfo(
        "without a retry queue, a target that is down blocks its shards, also for other targets",
      );
    }
  }
}
