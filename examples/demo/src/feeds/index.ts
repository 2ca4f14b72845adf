// Opens the chosen feeds. Also creates the dedupe store for feeds whose targets do not discard duplicates.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { DedupeStore } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import type { DynamodbEngine } from "@sluice/local";
import type { DemoEngines } from "../demo-engines.ts";
import type { FeedName } from "../options.ts";
import { emailFeed } from "./email.ts";
import type { Feed } from "./feed.ts";
import { snsFeed } from "./sns.ts";
import { sqsFeed } from "./sqs.ts";
import { webhookFeed } from "./webhook.ts";

const openers: { readonly [name in FeedName]: (engines: DemoEngines) => Promise<Feed> } = {
  sns: ({ sqs }) => snsFeed(sqs),
  sqs: ({ sqs }) => sqsFeed(sqs),
  email: emailFeed,
  webhook: webhookFeed,
};

/** Opens these feeds and their receivers. */
export const openFeeds = (names: readonly FeedName[], engines: DemoEngines): Promise<Feed[]> =>
  Promise.all(names.map((name) => openers[name](engines)));

/** Creates the dedupe store in the same DynamoDB as the source table. */
export const openDedupeStore = async ({ clientConfig }: DynamodbEngine): Promise<DedupeStore> => {
  const client = new DynamoDBClient(clientConfig);
  const store = dynamodbDedupe({ tableName: `SluiceDemoDedupe${Date.now()}`, client });
  await store.ensure();
  return store;
};
