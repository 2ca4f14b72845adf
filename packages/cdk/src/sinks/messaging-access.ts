// The access to topics, queues, event buses, e-mail and webhooks: sinks that append.

import { rightRows } from "@sluice/rules";
import { Stack } from "aws-cdk-lib";
import type { EventBus, IEventBus } from "aws-cdk-lib/aws-events";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import type { IConfigurationSet, IEmailIdentity } from "aws-cdk-lib/aws-ses";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { allowActions } from "../function/allow.ts";
import { type AnySecret, grantDataKeys, grantSecret, networkMember, type TargetNetwork } from "./shared.ts";
import type { SinkAccess } from "./sink-access.ts";

/** What every append sink has: an append sink has nothing to compare, and its target has no schema. */
const appendAccess = (
  name: string,
  { environment, maxSeconds }: { readonly environment: Readonly<Record<string, string>>; readonly maxSeconds: number },
  grant: (target: LambdaFunction) => void,
): SinkAccess => ({
  name,
  maxSeconds,
  environment,
  grant: (target, use) => {
    if (use === "write") grant(target);
  },
});

/** The timeout of a request of core's AWS clients. */
const awsSeconds = 10;

/** Options of `snsAccess`. */
export interface SnsAccessOptions {
  readonly topic: ITopic;
  /** The key of an imported topic that is encrypted with a key of your own. Default: that of the topic's construct. */
  readonly encryptionKey?: IKey | undefined;
  /** The variable with the topic's ARN. Default `TOPIC_ARN`. */
  readonly variable?: string | undefined;
}

/** What `snsSink` needs. */
export const snsAccess = ({ topic, encryptionKey, variable = "TOPIC_ARN" }: SnsAccessOptions): SinkAccess =>
  appendAccess("sns", { environment: { [variable]: topic.topicArn }, maxSeconds: awsSeconds }, (target) => {
    allowActions(target, rightRows.topic.actions, [topic.topicArn]);
    grantDataKeys(encryptionKey ?? (topic as { readonly masterKey?: IKey }).masterKey, target);
  });

/** Options of `sqsAccess`. */
export interface SqsAccessOptions {
  readonly queue: IQueue;
  /** The variable with the queue's URL. Default `QUEUE_URL`. */
  readonly variable?: string | undefined;
}

/** What `sqsSink` needs. */
export const sqsAccess = ({ queue, variable = "QUEUE_URL" }: SqsAccessOptions): SinkAccess =>
  appendAccess("sqs", { environment: { [variable]: queue.queueUrl }, maxSeconds: awsSeconds }, (target) => {
    allowActions(target, rightRows.queue.actions, [queue.queueArn]);
    grantDataKeys(queue.encryptionMasterKey, target);
  });

/** Options of `eventBusAccess`. */
export interface EventBusAccessOptions {
  /** The class is named because it does not fit the interface under exactOptionalPropertyTypes. */
  readonly eventBus: IEventBus | EventBus;
  /** The variable with the name of the bus; its ARN, if the bus belongs to another account. Default `EVENT_BUS`. */
  readonly variable?: string | undefined;
}

/** What `eventbridgeSink` needs. */
export const eventBusAccess = ({ eventBus, variable = "EVENT_BUS" }: EventBusAccessOptions): SinkAccess =>
  appendAccess(
    "eventbridge",
    { environment: { [variable]: eventBus.eventBusArn }, maxSeconds: awsSeconds },
    (target) => {
      allowActions(target, rightRows.bus.actions, [eventBus.eventBusArn]);
    },
  );

/** Options of `emailAccess`. */
export interface EmailAccessOptions extends TargetNetwork {
  /** The verified address or domain. Default: no right of SES, for SMTP. */
  readonly identity?: IEmailIdentity | undefined;
  readonly configurationSet?: IConfigurationSet | undefined;
  /** The addresses in `From` that the function may use: `orders@example.com`, or `*@example.com`. */
  readonly from?: string | readonly string[] | undefined;
  /** The secret with user and password of an SMTP server. */
  readonly secret?: AnySecret | undefined;
  /** The variable with the secret's ARN. Default `MAIL_SECRET_ARN`. */
  readonly secretVariable?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** What `emailSink` needs. Lambda blocks port 25: a server for SMTP listens on 465 or 587. */
export const emailAccess = (options: EmailAccessOptions): SinkAccess => {
  const { identity, configurationSet, from, secret } = options;
  const environment = {
    ...(secret && { [options.secretVariable ?? "MAIL_SECRET_ARN"]: secret.secretArn }),
    ...options.environment,
  };
  const access = appendAccess("email", { environment, maxSeconds: awsSeconds }, (target) => {
    grantSecret(secret, target);
    if (identity === undefined) return;
    const { partition, region, account } = Stack.of(target);
    const set = configurationSet?.configurationSetName;
    const sets = set === undefined ? [] : [`arn:${partition}:ses:${region}:${account}:configuration-set/${set}`];
    const conditions = from === undefined ? undefined : { StringLike: { "ses:FromAddress": from } };
    allowActions(target, rightRows.mail.actions, [identity.emailIdentityArn, ...sets], conditions);
  });
  return {
    ...access,
    ...(identity === undefined && { packages: ["nodemailer"] }),
    ...networkMember(options),
  };
};

/** Options of `webhookAccess`. */
export interface WebhookAccessOptions extends TargetNetwork {
  /** The secret with the token or the signing key. */
  readonly secret?: AnySecret | undefined;
  /** The variable with the secret's ARN. Default `WEBHOOK_SECRET_ARN`. */
  readonly secretVariable?: string | undefined;
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** The default of the sink's `timeoutMs`. */
const webhookSeconds = 5;

/** What `webhookSink` needs. */
export const webhookAccess = (options: WebhookAccessOptions = {}): SinkAccess => {
  const { secret } = options;
  const environment = {
    ...(secret && { [options.secretVariable ?? "WEBHOOK_SECRET_ARN"]: secret.secretArn }),
    ...options.environment,
  };
  const access = appendAccess("webhook", { environment, maxSeconds: webhookSeconds }, (target) =>
    grantSecret(secret, target),
  );
  return { ...access, ...networkMember(options) };
};
