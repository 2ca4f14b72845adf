// Sends the workflow's notifications to people: by an SNS topic with e-mail subscriptions, or by the user's function.

import {
  type AwsService,
  checkClient,
  checkText,
  invalidOption,
  lazyClient,
  missingDependency,
  verifiedTls,
} from "@sluice/core/sink-kit";
import { optional, user } from "./environment.ts";
import { interruption } from "./errors.ts";

/** A message that people read. */
export interface Notification {
  /** Contains at most 100 characters, all of them ASCII. */
  readonly subject: string;
  readonly text: string;
}

/**
 * The method of the SDK's client `SNS` that the workflow calls. You may pass your own client of that class.
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 */
export interface TopicClient {
  readonly publish: (input: { TopicArn: string; Subject: string; Message: string }) => Promise<unknown>;
}

/** How notifications are sent. If an option names a variable, you can set that environment variable instead. */
export interface NotificationOptions {
  /** ARN of an SNS topic. Variable: `SLUICE_TOPIC_ARN`. */
  readonly topicArn?: string;
  /** A function that sends a notification, for example by SES. If `sendMail` is given, the topic is not used. */
  readonly sendMail?: (notification: Notification) => Promise<unknown>;
  readonly clients?: { readonly sns?: TopicClient };
}

const sns: AwsService = { name: "SNS", codes: { NotFound: "SINK_MISSING" } };

/** Makes a text acceptable to SNS as a subject: replaces unusual characters by `?`, and cuts off the end. */
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
    return new SNS({ requestHandler: verifiedTls });
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
