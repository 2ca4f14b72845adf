// A topic behind the proxy, and a queue that gets what is published to it: what the sink writes to in its tests.

import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import {
  type DrainedMessage,
  drainQueue,
  type FaultyProxy,
  type ProxyAnswer,
  type SqsEngine,
  startFaultyProxy,
} from "@sluice/local";
import type { Fault } from "@sluice/testing";
import type { SnsClient } from "../src/index.ts";

export interface Topic {
  readonly topicArn: string;
  /** All that was published since the last time. */
  readonly drain: () => Promise<readonly DrainedMessage[]>;
  /** A queue that gets only what this filter policy lets through, within SNS's own envelope. */
  readonly subscribe: (filterPolicy: object) => Promise<() => Promise<readonly DrainedMessage[]>>;
}

export interface Target {
  readonly engine: SqsEngine;
  readonly proxy: FaultyProxy;
  /** Goes through the proxy. */
  readonly client: SnsClient;
  /** Does not. */
  readonly direct: SNS;
  readonly createTopic: (suffix?: ".fifo") => Promise<Topic>;
  /** Makes the topic, or one entry, fail; undefined: nothing. */
  readonly fail: (fault: Fault | undefined) => void;
  readonly stop: () => Promise<void>;
}

const answer = (status: number, code: string): ProxyAnswer => ({
  status,
  headers: { "content-type": "text/xml" },
  body: `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code><Message>the topic is ill</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
});

const illAnswers = {
  throttle: answer(400, "Throttled"),
  down: answer(503, "ServiceUnavailable"),
  deny: answer(403, "AuthorizationError"),
};

const entryFailures = {
  "throttle-one": { Code: "Throttled", SenderFault: false, Message: "slow down" },
  // A service may quote what it refuses.
  refuse: { Code: "InvalidParameter", SenderFault: true, Message: "confidential-7f3a is not allowed" },
};

/** The client, but that the entry of the fault's change fails in an answer that succeeds. */
const withEntryFault = (client: SNS, faultOf: () => Fault | undefined): SnsClient => ({
  publishBatch: async (input, options) => {
    const fault = faultOf();
    if (fault === undefined || !("change" in fault)) return client.publishBatch(input, options);
    const { TopicArn, PublishBatchRequestEntries: entries } = input;
    const isHit = ({ MessageAttributes }: (typeof entries)[number]): boolean =>
      MessageAttributes["sluice-version"]?.StringValue === fault.change.version;
    const others = entries.filter((entry) => !isHit(entry));
    const failures = entries.filter(isHit).map(({ Id }) => ({ Id, ...entryFailures[fault.kind] }));
    if (others.length === 0) return { Failed: failures };
    const taken = await client.publishBatch({ TopicArn, PublishBatchRequestEntries: others }, options);
    return { Successful: taken.Successful, Failed: [...(taken.Failed ?? []), ...failures] };
  },
});

export const startTarget = async (engine: SqsEngine): Promise<Target> => {
  const proxy = await startFaultyProxy(engine.endpoint, illAnswers);
  const config = { ...engine.clientConfig, maxAttempts: 1 };
  const direct = new SNS(config);
  const queues = new SQS(config);
  const proxied = new SNS({ ...config, endpoint: proxy.endpoint });
  let fault: Fault | undefined;
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
    client: withEntryFault(proxied, () => fault),
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
    fail: (next) => {
      fault = next;
      if (next === undefined) proxy.script(undefined);
      else if (!("change" in next)) proxy.fail(next.kind);
    },
    stop: async () => {
      for (const client of [proxied, direct, queues]) client.destroy();
      await proxy.stop();
      await engine.stop();
    },
  };
};
