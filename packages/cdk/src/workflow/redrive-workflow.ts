// The workflow that redrives dead letters, with or without the approval of a person.

import { DeployError } from "@sluice/rules";
import { functionEntry, type RedriveMode, redriveStateMachine } from "@sluice/workflow";
import type { Duration } from "aws-cdk-lib";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import { FunctionUrlAuthType, type IFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { Bucket, IBucket } from "aws-cdk-lib/aws-s3";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";
import { knownSeconds } from "../pipeline/known.ts";
import type { PipelineResources } from "../pipeline/resources.ts";
import { grantSecret } from "../sinks/shared.ts";
import {
  checkedDefinition,
  laterPolicy,
  partitionOf,
  roleOf,
  sizes,
  type WorkflowFunctionOptions,
  workflowFunction,
  workflowStateMachine,
} from "./step-function.ts";

/** E-mail by SES. The sender's identity must be verified in the stack's region. */
export interface WorkflowMail {
  readonly from: string;
  readonly to: readonly string[];
  /** ARN of the SES identity that sends: of the domain, or of the address. */
  readonly identityArn: string;
}

/** How a person approves a run. */
export interface ApprovalOptions {
  /** The time in which a person must decide, at most 14 days. Default: one day. */
  readonly timeout?: Duration;
  /** The secret that signs links. Default: the construct generates one in Secrets Manager. */
  readonly secret?: ISecret | Secret;
}

/** Options of a redrive. */
export interface RedriveOptions {
  /** The topic that gets requests for approval, and reports. */
  readonly topic?: ITopic;
  /** The e-mail that gets requests for approval, and reports. With a mail, the topic is not used. */
  readonly mail?: WorkflowMail;
  /** `true`, or options: each run waits for a person. Default: no approval. */
  readonly approval?: ApprovalOptions | boolean;
  /** A function that mends each dead letter before it is sent. */
  readonly fix?: IFunction;
  /** Default `redrive`. `republish` updates the items in the source table. */
  readonly mode?: RedriveMode;
  /** For `republish`: what happens to dead letters of deleted items. Default `leave`. */
  readonly removes?: "leave" | "put-and-delete";
  /** For `republish`: the attribute to update. Default `sluiceRedrive`. */
  readonly markerAttribute?: string;
  /** Most messages per second. Default: no limit. */
  readonly ratePerSecond?: number;
  readonly maxFailures?: number;
  readonly maxMessages?: number;
  /** The bucket of the pipeline's `s3PayloadStore`. Default: no payload store. */
  readonly payloadBucket?: IBucket | Bucket;
  /** The prefix of the pipeline's `s3PayloadStore`. Default `sluice/records/`, as that of the store. */
  readonly payloadPrefix?: string;
  /** Default: five minutes. It must be longer than a minute and longer than the timeout of the pipeline's function. */
  readonly batchTimeout?: Duration;
  readonly functionOptions?: WorkflowFunctionOptions;
}

/** Options of `RedriveWorkflow`. */
export interface RedriveWorkflowProps extends RedriveOptions {
  readonly pipeline: PipelineResources;
}

/** The state machine that redrives dead letters, with its functions. */
export class RedriveWorkflow extends Construct {
  readonly stateMachine: StateMachine;
  /** The URL of the approval page. Undefined without approval. */
  readonly approvalUrl: string | undefined;

  constructor(scope: Construct, id: string, props: RedriveWorkflowProps) {
    super(scope, id);
    const { queue, timeout } = checked(props);
    const { mode = "redrive", approval = false, ratePerSecond, maxFailures, maxMessages } = props;
    const approvalOptions = approval === true ? {} : approval;
    const approvalSeconds = approvalOptions === false ? undefined : approvalOptions.timeout?.toSeconds();
    const definition = checkedDefinition(() =>
      redriveStateMachine({
        mode,
        partition: partitionOf(this),
        functionTimeoutSeconds: timeout.toSeconds(),
        ...(approvalOptions && {
          approval: { ...(approvalSeconds !== undefined && { timeoutSeconds: approvalSeconds }) },
        }),
        ...(ratePerSecond !== undefined && { ratePerSecond }),
        ...(maxFailures !== undefined && { maxFailures }),
        ...(maxMessages !== undefined && { maxMessages }),
      }),
    );
    const page = approvalOptions ? approvalPage(this, props, approvalOptions) : undefined;
    this.approvalUrl = page?.url;
    this.stateMachine = workflowStateMachine(this, definition, {
      InspectionFunctionArn: inspection(this, props, queue),
      BatchFunctionArn: batch(this, props, queue, timeout),
      ReportFunctionArn: report(this, props, queue),
      ...(page && { ApprovalRequestFunctionArn: request(this, props, queue, page) }),
    });
    if (page) {
      const decide = [["states:SendTaskSuccess"], [this.stateMachine.stateMachineArn]] as const;
      laterPolicy(this, "Decide", roleOf(page.function), [decide]);
    }
  }
}

const lambdaTimeout = 3;
const bufferSeconds = 60;

const checked = (props: RedriveWorkflowProps): { readonly queue: IQueue; readonly timeout: Duration } => {
  const { pipeline, batchTimeout: timeout = sizes.batch.timeout, approval = false, topic, mail } = props;
  if (pipeline.deadLetters === undefined) {
    throw new DeployError(
      "REDRIVE_NO_DEAD_LETTERS",
      `the pipeline ${pipeline.pipelineName} has no dead-letter queue, expected one: a redrive reads its messages. Give the ` +
        "pipeline dead letters, or leave the redrive out.",
    );
  }
  if (approval !== false && topic === undefined && mail === undefined) {
    throw new DeployError(
      "APPROVAL_WITHOUT_ADDRESS",
      "there is approval and neither topic nor mail, expected one of them: no person would get the link. Set topic or mail.",
    );
  }
  if (props.mode === "republish" && pipeline.table === undefined) {
    throw new DeployError(
      "WORKFLOW_NO_TABLE",
      `mode is republish, and the pipeline ${pipeline.pipelineName} has no table, expected one: the run updates its items. ` +
        "Pass the table to the pipeline.",
    );
  }
  const seconds = knownSeconds(timeout) ?? Number.POSITIVE_INFINITY;
  const ofPipeline = pipeline.function.timeout === undefined ? lambdaTimeout : knownSeconds(pipeline.function.timeout);
  const least = Math.max(bufferSeconds, ofPipeline ?? 0);
  if (seconds <= least) {
    throw new DeployError(
      "BATCH_TIMEOUT_SHORT",
      `batchTimeout is ${seconds} s, expected more than ${least} s: the batch function waits for the pipeline's function, and ` +
        `keeps ${bufferSeconds} s for a chunk. Raise batchTimeout, or lower the timeout of the pipeline's function.`,
    );
  }
  return { queue: pipeline.deadLetters, timeout };
};

const grantQueue = (queue: IQueue, fn: LambdaFunction, names: readonly string[]): void => {
  const actions = names.map((name) => `sqs:${name}`);
  allowActions(fn, actions, [queue.queueArn]);
  // Only the receipt of a message uses the key.
  if (names.includes("ReceiveMessage")) queue.encryptionMasterKey?.grant(fn, "kms:Decrypt");
};

const variables = (queue: IQueue) => ({ SLUICE_DEAD_LETTER_QUEUE_URL: queue.queueUrl });

const addressee = ({ topic, mail }: RedriveOptions): Record<string, string> => {
  if (mail) return { SLUICE_MAIL_FROM: mail.from, SLUICE_MAIL_TO: mail.to.join(",") };
  return topic ? { SLUICE_TOPIC_ARN: topic.topicArn } : {};
};

const grantNotify = ({ topic, mail }: RedriveOptions, grantee: IGrantable): void => {
  if (mail) {
    const onlyFrom = { StringEquals: { "ses:FromAddress": mail.from } };
    allowActions(grantee, ["ses:SendEmail"], [mail.identityArn], onlyFrom);
  } else if (topic) {
    allowActions(grantee, ["sns:Publish"], [topic.topicArn]);
    topic.masterKey?.grant(grantee, "kms:Decrypt", "kms:GenerateDataKey");
  }
};

const inspection = (scope: Construct, { functionOptions }: RedriveOptions, queue: IQueue): LambdaFunction => {
  const entry = functionEntry("inspection");
  const props = { ...sizes.short, entry, environment: variables(queue) };
  const fn = workflowFunction(scope, "Inspection", functionOptions, props);
  grantQueue(queue, fn, ["GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility"]);
  return fn;
};

const batch = (scope: Construct, props: RedriveWorkflowProps, queue: IQueue, timeout: Duration): LambdaFunction => {
  const { pipeline, mode = "redrive", fix, removes = "leave", markerAttribute } = props;
  const { payloadBucket, payloadPrefix = "sluice/records/" } = props;
  const isRepublish = mode === "republish";
  // A chunk waits for the pipeline's function, so the buffer must not be shorter than that function's timeout.
  const pipelineSeconds = pipeline.function.timeout === undefined ? 0 : (knownSeconds(pipeline.function.timeout) ?? 0);
  const bufferMs = Math.max(bufferSeconds, pipelineSeconds) * 1_000;
  const environment = {
    ...variables(queue),
    SLUICE_TIMEOUT_BUFFER_MS: String(bufferMs),
    ...(!isRepublish && { SLUICE_PIPELINE_FUNCTION: pipeline.function.functionName }),
    ...(isRepublish && pipeline.table && { SLUICE_SOURCE_TABLE: pipeline.table.tableName, SLUICE_REMOVES: removes }),
    ...(isRepublish && markerAttribute !== undefined && { SLUICE_MARKER_ATTRIBUTE: markerAttribute }),
    ...(fix && { SLUICE_FIX_FUNCTION: fix.functionName }),
    ...(payloadBucket && {
      SLUICE_PAYLOAD_BUCKET: payloadBucket.bucketName,
      SLUICE_PAYLOAD_PREFIX: payloadPrefix,
    }),
  };
  const entry = functionEntry("batch");
  const fn = workflowFunction(scope, "Batch", props.functionOptions, { ...sizes.batch, timeout, entry, environment });
  grantQueue(queue, fn, ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"]);
  if (!isRepublish) allowActions(fn, ["lambda:InvokeFunction"], [pipeline.function.functionArn]);
  if (isRepublish && pipeline.table) {
    const more = removes === "put-and-delete" ? ["dynamodb:PutItem", "dynamodb:DeleteItem"] : [];
    allowActions(fn, ["dynamodb:UpdateItem", ...more], [pipeline.table.tableArn]);
    pipeline.table.encryptionKey?.grant(fn, "kms:Decrypt", "kms:DescribeKey");
  }
  if (fix) allowActions(fn, ["lambda:InvokeFunction"], [fix.functionArn]);
  if (payloadBucket) {
    allowActions(fn, ["s3:GetObject", "s3:DeleteObject"], [payloadBucket.arnForObjects(`${payloadPrefix}*`)]);
    payloadBucket.encryptionKey?.grant(fn, "kms:Decrypt");
  }
  return fn;
};

const report = (scope: Construct, props: RedriveWorkflowProps, queue: IQueue): LambdaFunction => {
  const environment = { ...variables(queue), ...addressee(props) };
  const entry = functionEntry("report");
  const fn = workflowFunction(scope, "Report", props.functionOptions, { ...sizes.short, entry, environment });
  grantQueue(queue, fn, ["GetQueueAttributes"]);
  grantNotify(props, fn);
  return fn;
};

interface ApprovalPage {
  readonly function: LambdaFunction;
  readonly url: string;
  readonly secret: ISecret;
}

const generated = (scope: Construct): ISecret => {
  const generateSecretString = { passwordLength: 64, excludePunctuation: true };
  const secret = new Secret(scope, "ApprovalSecret", { generateSecretString });
  acknowledge(secret, "AwsSolutions-SMG4");
  // The cast: CDK's classes do not fit its interfaces under exactOptionalPropertyTypes.
  return secret as ISecret;
};

const approvalPage = (scope: Construct, props: RedriveOptions, options: ApprovalOptions): ApprovalPage => {
  const secret = options.secret ?? generated(scope);
  const environment = { SLUICE_APPROVAL_SECRET_ARN: secret.secretArn };
  const entry = functionEntry("approval-page");
  const fn = workflowFunction(scope, "ApprovalPage", props.functionOptions, { ...sizes.short, entry, environment });
  grantSecret(secret, fn);
  // The signed link is the authentication: a person opens it without AWS credentials.
  const { url } = fn.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
  return { function: fn, url, secret };
};

const request = (scope: Construct, props: RedriveOptions, queue: IQueue, page: ApprovalPage): LambdaFunction => {
  const { secret, url } = page;
  const environment = {
    ...variables(queue),
    ...addressee(props),
    SLUICE_APPROVAL_URL: url,
    SLUICE_APPROVAL_SECRET_ARN: secret.secretArn,
  };
  const entry = functionEntry("approval-request");
  const fn = workflowFunction(scope, "ApprovalRequest", props.functionOptions, {
    ...sizes.short,
    entry,
    environment,
  });
  grantSecret(secret, fn);
  grantNotify(props, fn);
  return fn;
};
