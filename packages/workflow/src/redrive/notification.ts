// Sends the workflow's notifications: to an SNS topic, which may have e-mail subscriptions, or by a function of the user.

import {
  type AwsService,
  checkClient,
  checkText,
  invalidOption,
  lazyClient,
  missingDependency,
} from "@sluice/core/sink-kit";
import { optional, user } from "./environment.ts";
import { interruption } from "./errors.ts";

/** A message for people. */
export interface Notification {
  /** ASCII, at most 100 characters. */
  readonly subject: string;
  readonly text: string;
}

/**
 * The call of `SNS` from `@aws-sdk/client-sns` that the workflow makes; your own client fits.
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 */
export interface TopicClient {
  readonly publish: (input: { TopicArn: string; Subject: string; Message: string }) => Promise<unknown>;
}

/** The recipients of notifications. An option with a variable may come from the environment instead. */
export interface NotificationOptions {
  /** An SNS topic. Variable: `SLUICE_TOPIC_ARN`. */
  readonly topicArn?: string;
  /** Sends notifications, for example by SES, instead of the topic. */
  readonly sendMail?: (notification: Notification) => Promise<unknown>;
  readonly clients?: { readonly sns?: TopicClient };
}

const sns: AwsService = { name: "SNS", codes: { NotFound: "SINK_MISSING" } };

/** Shortens a subject to what SNS accepts. */
const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);

/**
 * Creates the function that sends notifications. Returns undefined if neither a topic nor `sendMail` is given.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong.
 */
export const notifier = (options: NotificationOptions): ((notification: Notification) => Promise<void>) | undefined => {
  const { sendMail, clients = {} } = options;
  if (sendMail !== undefined) {
    if (typeof sendMail !== "function") throw invalidOption("sendMail", "must be a function");
    return async ({ subject, text }) => {
      await sendMail({ text, subject: subjectOf(subject) });
    };
  }
  const TopicArn = optional(options.topicArn, "SLUICE_TOPIC_ARN");
  if (TopicArn === undefined) return undefined;
  checkText("topicArn", TopicArn);
  checkClient(clients.sns, "publish", "an SNS client of @aws-sdk/client-sns");
  const connection = lazyClient<TopicClient>(clients.sns, async () => {
    const { SNS } = await import("@aws-sdk/client-sns").catch(missingDependency(user, "@aws-sdk/client-sns"));
    return new SNS({});
  });
  return async ({ subject, text }) => {
    const client = await connection.get();
    try {
      await client.publish({ TopicArn, Subject: subjectOf(subject), Message: text });
    } catch (error) {
      throw interruption(sns, error);
    }
  };
};
