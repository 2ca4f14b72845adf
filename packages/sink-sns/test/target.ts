// Sets up the target of the tests: an engine behind a proxy. The sink publishes messages, and queues receive them.

import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import {
  type DrainedMessage,
  drainQueue,
  type FaultyProxy,
  type ProxyAnswer,
  type ProxyScript,
  type SqsEngine,
  startFaultyProxy,
} from "@sluice/local";
import type { Fault } from "@sluice/testing";
import type { SnsClient } from "../src/index.ts";

/** A topic, and a queue that receives its messages. */
export interface Topic {
  readonly topicArn: string;
  /** Returns the messages since the last call. */
  readonly drain: () => Promise<readonly DrainedMessage[]>;
  /** Subscribes a queue with this filter policy and without raw delivery. Returns a `drain` for this queue. */
  readonly subscribe: (filterPolicy: object) => Promise<() => Promise<readonly DrainedMessage[]>>;
}

export interface SnsTarget {
  readonly engine: SqsEngine;
  readonly proxy: FaultyProxy;
  /** A client whose requests go through the proxy. */
  readonly client: SnsClient;
  /** A client whose requests go directly to the engine. */
  readonly direct: SNS;
  readonly createTopic: (suffix?: ".fifo") => Promise<Topic>;
  /** Sets the environment so that the client that a sink creates sends its requests through the proxy. */
  readonly useProxy: () => void;
  /** Injects this fault. If the fault names a change, only the entry of that change fails. Undefined ends the fault. */
  readonly fail: (fault: Fault | undefined) => void;
  readonly stop: () => Promise<void>;
}

const answer = (status: number, code: string): ProxyAnswer => ({
  status,
  headers: { "content-type": "text/xml" },
  body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>the topic fails</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
});

const faultAnswers = {
  throttle: answer(400, "Throttled"),
  down: answer(503, "ServiceUnavailable"),
  deny: answer(403, "AuthorizationError"),
};

const entryFailures = {
  "throttle-one": { Code: "Throttled", SenderFault: false, Message: "slow down" },
  // SNS' error message may quote the rejected message, so the sink must not copy this error message.
  refuse: { Code: "InvalidParameter", SenderFault: true, Message: "confidential-7f3a is not allowed" },
};

type EntryFault = Extract<Fault, { readonly change: unknown }>;
type Batch = Parameters<SnsClient["publishBatch"]>[0];
type Entry = Batch["PublishBatchRequestEntries"][number];

const memberName =
  /^PublishBatchRequestEntries\.member\.(\d+)\.(?:(\w+)|MessageAttributes\.entry\.(\d+)\.(?:Value\.)?(\w+))$/;

interface FormEntry {
  readonly members: Record<string, string>;
  readonly attributes: Record<string, Record<string, string>>;
}

const entryOf = ({ members, attributes }: FormEntry): Entry => {
  const named = Object.values(attributes).map(({ Name = "", ...value }) => [Name, value]);
  return { ...members, MessageAttributes: Object.fromEntries(named) } as unknown as Entry;
};

/** Reads a request of PublishBatch whose attributes are texts. */
const batchOf = (form: string): Batch => {
  const fields = new URLSearchParams(form);
  const entries: Record<string, FormEntry> = {};
  for (const [name, value] of fields) {
    const [, at, member, attribute = "", part = ""] = memberName.exec(name) ?? [];
    if (at === undefined) continue;
    const { members, attributes } = entries[at] ?? { members: {}, attributes: {} };
    if (member !== undefined) members[member] = value;
    else attributes[attribute] = { ...attributes[attribute], [part]: value };
    entries[at] = { members, attributes };
  }
  return { TopicArn: fields.get("TopicArn") ?? "", PublishBatchRequestEntries: Object.values(entries).map(entryOf) };
};

const element = (name: string, content: string): string => `<${name}>${content}</${name}>`;

const listOf = (name: string, members: readonly object[]): string => {
  const memberOf = (member: object): string =>
    element(
      "member",
      Object.entries(member)
        .map(([field, value]) => element(field, String(value)))
        .join(""),
    );
  return element(name, members.map(memberOf).join(""));
};

/** Answers a request itself: the entry of the fault's change fails, and the client sends all other entries. */
const failEntry =
  (client: SnsClient, { kind, change }: EntryFault): ProxyScript =>
  async ({ body }) => {
    const { TopicArn, PublishBatchRequestEntries: entries } = batchOf(body);
    const isFaulty = ({ MessageAttributes }: Entry): boolean =>
      MessageAttributes["sluice-version"]?.StringValue === change.version;
    const others = entries.filter((entry) => !isFaulty(entry));
    const failures = entries.filter(isFaulty).map(({ Id }) => ({ Id, ...entryFailures[kind] }));
    const input = { TopicArn, PublishBatchRequestEntries: others };
    const { Successful = [], Failed = [] } = others.length === 0 ? {} : await client.publishBatch(input);
    const result = listOf("Successful", Successful) + listOf("Failed", [...Failed, ...failures]);
    const answered = element("PublishBatchResponse", element("PublishBatchResult", result));
    return { status: 200, headers: { "content-type": "text/xml" }, body: answered };
  };

export const startTarget = async (engine: SqsEngine): Promise<SnsTarget> => {
  const proxy = await startFaultyProxy(engine.endpoint, faultAnswers);
  const config = { ...engine.clientConfig, maxAttempts: 1 };
  const direct = new SNS(config);
  const queues = new SQS(config);
  const proxied = new SNS({ ...config, endpoint: proxy.endpoint });
  let names = 0;
  const attach = async (topicArn: string, Attributes: Record<string, string>) => {
    names += 1;
    const suffix = topicArn.endsWith(".fifo") ? ".fifo" : "";
    const { QueueUrl = "" } = await queues.createQueue({
      QueueName: `queue-${names}${suffix}`,
      Attributes: suffix === "" ? {} : { FifoQueue: "true" },
    });
    const { Attributes: found } = await queues.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    await direct.subscribe({ TopicArn: topicArn, Protocol: "sqs", Endpoint: found?.QueueArn, Attributes });
    return () => drainQueue(queues, QueueUrl);
  };
  return {
    engine,
    proxy,
    client: proxied,
    direct,
    createTopic: async (suffix) => {
      names += 1;
      const { TopicArn: topicArn = "" } = await direct.createTopic({
        Name: `orders-${names}${suffix ?? ""}`,
        Attributes: suffix === ".fifo" ? { FifoTopic: "true" } : {},
      });
      return {
        topicArn,
        drain: await attach(topicArn, { RawMessageDelivery: "true" }),
        subscribe: (filterPolicy) => attach(topicArn, { FilterPolicy: JSON.stringify(filterPolicy) }),
      };
    },
    useProxy: () => {
      const { region, credentials } = engine.clientConfig;
      Object.assign(process.env, {
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_ENDPOINT_URL_SNS: proxy.endpoint,
      });
    },
    fail: (next) => {
      if (next === undefined) proxy.script(undefined);
      else if ("change" in next) proxy.script(failEntry(direct, next));
      else proxy.fail(next.kind);
    },
    stop: async () => {
      for (const client of [proxied, direct, queues]) client.destroy();
      await proxy.stop();
      await engine.stop();
    },
  };
};
