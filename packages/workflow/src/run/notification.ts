// Where the workflow's news go: a topic (which has e-mail subscriptions), or a function of the user's.

import {
  type AwsService,
  checkClient,
  checkText,
  invalidOption,
  lazyClient,
  missingDependency,
} from "@sluice/core/sink-kit";
import { optional } from "./environment.ts";
import { interruption } from "./errors.ts";

/** A message for people. */
export interface News {
  /** ASCII, at most 100 characters. */
  readonly subject: string;
  readonly text: string;
}

/**
 * The one call of `SNS` from `@aws-sdk/client-sns` that is made; your own client fits.
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 */
export interface TopicClient {
  readonly publish: (input: { TopicArn: string; Subject: string; Message: string }) => Promise<unknown>;
}

/** Where news go. Those with a variable may come from the environment instead. */
export interface NewsOptions {
  /** An SNS topic. `SLUICE_TOPIC_ARN`. */
  readonly topicArn?: string;
  /** Sends the message in its own way, by SES say, in place of the topic. */
  readonly sendMail?: (news: News) => Promise<unknown>;
  readonly clients?: { readonly sns?: TopicClient };
}

const sns: AwsService = { name: "SNS", codes: { NotFound: "SINK_MISSING" } };

const loadSns = async (): Promise<TopicClient & { readonly destroy: () => void }> => {
  const { SNS } = await import("@aws-sdk/client-sns").catch(
    missingDependency("the redrive workflow", "@aws-sdk/client-sns"),
  );
  return new SNS({});
};

/** SNS refuses a subject with other characters, or a longer one. */
const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 100);

/**
 * How to send news; undefined where they go nowhere. Does no I/O.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, by name.
 */
export const newsSender = (options: NewsOptions): ((news: News) => Promise<void>) | undefined => {
  const { sendMail, clients = {} } = options;
  if (sendMail !== undefined) {
    if (typeof sendMail !== "function") throw invalidOption("sendMail", "must be a function");
    return async (news) => {
      await sendMail({ ...news, subject: subjectOf(news.subject) });
    };
  }
  const TopicArn = optional(options.topicArn, "SLUICE_TOPIC_ARN");
  if (TopicArn === undefined) return undefined;
  checkText("topicArn", TopicArn);
  checkClient(clients.sns, "publish", "an SNS client of @aws-sdk/client-sns");
  const connection = lazyClient<TopicClient>(clients.sns, loadSns);
  return async ({ subject, text }) => {
    const client = await connection.get();
    try {
      await client.publish({ TopicArn, Subject: subjectOf(subject), Message: text });
    } catch (error) {
      throw interruption(sns, error);
    }
  };
};
