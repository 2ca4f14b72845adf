// A pipeline in production: table, function, queues, mapping and rights, with every setting right by default.

import { DeployError } from "@sluice/rules";
import { Annotations } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { CfnEventSourceMapping, IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { PipelineAlarms, type PipelineAlarmsOptions } from "../alarms/pipeline-alarms.ts";
import { PipelineDashboard, type PipelineDashboardOptions } from "../alarms/pipeline-dashboard.ts";
import { checkDeadLetters, DeadLetters, grantSend } from "../queues/dead-letters.ts";
import { DedupeTable, type DedupeUse, grantDedupe } from "../queues/dedupe-table.ts";
import { isQueue } from "../queues/queue-facts.ts";
import { Retries } from "../queues/retry-queue.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { grantPayloads, isBucket, OnFailureBucket, PayloadBucket } from "../stream/on-failure-bucket.ts";
import { StreamConsumer } from "../stream/stream-consumer.ts";
import { type StreamSource, sourceOfStream, sourceOfTable } from "../stream/stream-source.ts";
import { BackfillWorkflow } from "../workflow/backfill-workflow.ts";
import { RedriveWorkflow } from "../workflow/redrive-workflow.ts";
import { type WorkflowFunctionOptions, workflowOptionsOf } from "../workflow/step-function.ts";
import { VerifyWorkflow } from "../workflow/verify-workflow.ts";
import { ensureBefore } from "./ensure.ts";
import { type OwnedVariables, setEnvironment } from "./environment.ts";
import { checkTimeout, functionOf } from "./function-of.ts";
import { knownNumber } from "./known.ts";
import type { DedupeOptions, SluicePipelineProps } from "./options.ts";
import type { PipelineResources } from "./resources.ts";

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
  readonly redrive: RedriveWorkflow | undefined;
  readonly backfill: BackfillWorkflow | undefined;
  readonly verify: VerifyWorkflow | undefined;

  constructor(scope: Construct, id: string, props: SluicePipelineProps) {
    super(scope, id);
    checkOptions(this, props);
    const source = sourceOf(props);
    this.pipelineName = props.pipelineName ?? id;
    this.sinks = props.sinks;
    this.table = props.table as ITable | undefined;
    const made = functionOf(this, props);
    this.function = made.function;
    this.logGroup = made.logGroup;
    checkTimeout(this.function.timeout, props.sinks);

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

    const variables = [
      { owner: "the pipeline", variables: variablesOf(this, source) },
      ...props.sinks.map(({ name, environment = {} }) => ({ owner: `the sink ${name}`, variables: environment })),
      { owner: "the option environment", variables: props.environment ?? {} },
    ];
    setEnvironment(this.function, variables);
    for (const sink of props.sinks) sink.grant(this.function, "write");
    addEnsure(this, props, variables);
    this.redrive = redriveOf(this, props);
    this.backfill = props.backfill && new BackfillWorkflow(this, "Backfill", copyProps(this, props, props.backfill));
    this.verify = props.verify && new VerifyWorkflow(this, "Verify", copyProps(this, props, props.verify));
    addAlarms(this, props.alarms);
    addDashboard(this, props.dashboard);
  }
}

const addEnsure = (
  pipeline: SluicePipeline,
  { ensure, functionOptions, sinks }: SluicePipelineProps,
  variables: readonly OwnedVariables[],
): void => {
  if (ensure === undefined) return;
  // The function's resource alone: a policy of a target may name its role, and `ensure` waits for the target.
  const { defaultChild: code } = pipeline.function.node;
  const before = [code, pipeline.mapping, pipeline.retryMapping].filter((part) => part !== undefined);
  ensureBefore(pipeline, { ...ensure, sinks, functionOptions, before, variables });
};

const checkOptions = (scope: Construct, props: SluicePipelineProps): void => {
  const { sinks, pipelineName, retryQueue, deadLetters } = props;
  checkConcurrency(scope, props);
  const isAccess = (sink: unknown): boolean => typeof (sink as Partial<SinkAccess> | undefined)?.grant === "function";
  if (!Array.isArray(sinks) || !sinks.every(isAccess)) {
    throw new DeployError(
      "SINKS_NOT_ACCESSES",
      "sinks is no list of accesses, expected one of each target: without it the function has no rights. Write " +
        "sinks: [snsAccess({ topic })], or an empty list if the function needs no rights.",
    );
  }
  if (pipelineName?.trim() === "") {
    throw new DeployError(
      "PIPELINE_NAME",
      'pipelineName is empty, expected the first argument of pipeline("orders", …): alarms and the dashboard show it. Set the name, ' +
        "or leave pipelineName out for the id of the construct.",
    );
  }
  if (deadLetters !== false || retryQueue === false) return;
  throw new DeployError(
    "RETRIES_WITHOUT_DEAD_LETTERS",
    "deadLetters is false and there is a retry queue, expected both or no retry queue: a pipeline with a retry queue rejects " +
      "records, and would not start without a dead-letter queue. Leave deadLetters out, or set retryQueue to false too.",
  );
};

const sourceOf = ({ table, stream }: SluicePipelineProps): StreamSource => {
  if (table !== undefined && stream === undefined) return sourceOfTable(table);
  if (table === undefined && stream !== undefined) return sourceOfStream(stream);
  if (table !== undefined && stream !== undefined) return { ...sourceOfStream(stream), tableArn: table.tableArn };
  throw new DeployError(
    "SOURCE_MISSING",
    "there is no table and no stream, expected one of them. Set table to the table's construct, or stream to { streamArn }.",
  );
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
): Retries | undefined => {
  if (option === false) return undefined;
  const options = isQueue(option) ? { queue: option } : option;
  return new Retries(scope, "Retry", { ...options, target, timeout: scope.function.timeout });
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
  const given = typeof option === "object" && "tableArn" in option ? { table: option } : option;
  const options: DedupeOptions = given === true ? {} : given;
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

interface WithFunctions {
  readonly functionOptions?: WorkflowFunctionOptions;
}

/** The options of a workflow, whose functions are like the pipeline's where the options say nothing. */
const workflowProps = <Options extends WithFunctions>(
  pipeline: SluicePipeline,
  shared: WorkflowFunctionOptions,
  options: Options,
) => ({ ...options, functionOptions: { ...shared, ...options.functionOptions }, pipeline });

const copyProps = <Options extends WithFunctions>(
  pipeline: SluicePipeline,
  { functionOptions }: SluicePipelineProps,
  options: Options,
) => workflowProps(pipeline, workflowOptionsOf(functionOptions), options);

const redriveOf = (
  pipeline: SluicePipeline,
  { redrive, functionOptions }: SluicePipelineProps,
): RedriveWorkflow | undefined => {
  if (redrive === undefined) return undefined;
  const { payloadBucket } = pipeline;
  // The functions of a redrive call AWS, and no target of the pipeline's network.
  const { network: _, ...shared } = workflowOptionsOf(functionOptions);
  const options = { ...(payloadBucket && { payloadBucket }), ...redrive };
  return new RedriveWorkflow(pipeline, "Redrive", workflowProps(pipeline, shared, options));
};

const addAlarms = (pipeline: SluicePipeline, option: SluicePipelineProps["alarms"] = true): void => {
  if (option === false) return;
  const options: PipelineAlarmsOptions = option === true ? {} : option;
  const stateMachine = pipeline.redrive?.stateMachine;
  new PipelineAlarms(pipeline, "Alarms", {
    ...options,
    resources: pipeline,
    ...(stateMachine && { redrive: stateMachine }),
    ...(pipeline.verify && { verify: pipeline.verify }),
  });
  if ((options.actions ?? []).length > 0) return;
  Annotations.of(pipeline).addWarningV2(
    "@sluice/cdk:alarms-without-actions",
    "The alarms have no actions, so they notify no person. Set alarms to { actions: [topic] }, set alarms to false, or " +
      "acknowledge this warning.",
  );
};

const addDashboard = (pipeline: SluicePipeline, option: SluicePipelineProps["dashboard"] = false): void => {
  if (option === false) return;
  const options: PipelineDashboardOptions = option === true ? {} : option;
  new PipelineDashboard(pipeline, "Dashboard", { ...options, resources: pipeline });
};

const variablesOf = (pipeline: SluicePipeline, source: StreamSource): Readonly<Record<string, string>> => ({
  SOURCE_TABLE: source.tableArn,
  ...(pipeline.deadLetters && { DEAD_LETTER_QUEUE_URL: pipeline.deadLetters.queueUrl }),
  ...(pipeline.retryQueue && { RETRY_QUEUE_URL: pipeline.retryQueue.queueUrl }),
  ...(pipeline.dedupeTable && { DEDUPE_TABLE: pipeline.dedupeTable.tableName }),
  ...(pipeline.onFailureBucket && { ON_FAILURE_BUCKET: pipeline.onFailureBucket.bucketName }),
  ...(pipeline.payloadBucket && { PAYLOAD_BUCKET: pipeline.payloadBucket.bucketName }),
});
