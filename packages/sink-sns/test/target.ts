// Sets up the target of the tests: an engine behind a proxy. The sink publishes messages, and queues receive them.

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

/** Wraps the client. If the fault names a change, only the entry of that change fails. */
const withEntryFault = (client: SNS, faultOf: () => Fault | undefined): SnsClient => ({
  publishBatch: async (input, options) => {
    const fault = faultOf();
    if (fault === undefined || !("change" in fault)) return client.publishBatch(input, options);
    const { TopicArn, PublishBatchRequestEntries: entries } = input;
    const isFaulty = ({ MessageAttributes }: (typeof entries)[number]): boolean =>
      MessageAttributes["sluice-version"]?.StringValue === fault.change.version;
    const others = entries.filter((entry) => !isFaulty(entry));
    const failures = entries.filter(isFaulty).map(({ Id }) => ({ Id, ...entryFailures[fault.kind] }));
    if (others.length === 0) return { Failed: failures };
    const taken = await client.publishBatch({ TopicArn, PublishBatchRequestEntries: others }, options);
    return { Successful: taken.Successful, Failed: [...(taken.Failed ?? []), ...failures] };
  },
});

export const startTarget = async (engine: SqsEngine): Promise<SnsTarget> => {
  const proxy = await startFaultyProxy(engine.endpoint, faultAnswers);
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
