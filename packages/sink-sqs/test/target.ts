// A queue behind the proxy: what the sink writes to in its tests.

import { SQS } from "@aws-sdk/client-sqs";
import { drainQueue, type FaultyProxy, type ProxyAnswer, type SqsEngine, startFaultyProxy } from "@sluice/local";
import type { Fault } from "@sluice/testing";
import type { SqsClient } from "../src/index.ts";

export interface Target {
  readonly engine: SqsEngine;
  readonly proxy: FaultyProxy;
  /** Goes through the proxy. */
  readonly client: SqsClient;
  /** Does not. */
  readonly direct: SQS;
  readonly createQueue: (suffix?: ".fifo") => Promise<string>;
  readonly drain: (queueUrl: string) => ReturnType<typeof drainQueue>;
  /** Makes the queue, or one entry, fail; undefined: nothing. */
  readonly fail: (fault: Fault | undefined) => void;
  readonly stop: () => Promise<void>;
}

const answer = (status: number, type: string): ProxyAnswer => ({
  status,
  headers: { "content-type": "application/x-amz-json-1.0" },
  body: JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: "the queue is ill" }),
});

const illAnswers = {
  throttle: answer(400, "RequestThrottled"),
  down: answer(503, "ServiceUnavailable"),
  deny: answer(403, "AccessDenied"),
};

const entryFailures = {
  "throttle-one": { Code: "RequestThrottled", SenderFault: false, Message: "slow down" },
  // SQS quotes what it refuses.
  refuse: { Code: "InvalidParameterValue", SenderFault: true, Message: "confidential-7f3a is not allowed" },
};

/** The client, but that the entry of the fault's change fails in an answer that succeeds. */
const withEntryFault = (client: SQS, faultOf: () => Fault | undefined): SqsClient => ({
  sendMessageBatch: async ({ QueueUrl, Entries }, options) => {
    const fault = faultOf();
    if (fault === undefined || !("change" in fault)) return client.sendMessageBatch({ QueueUrl, Entries }, options);
    const isHit = ({ MessageAttributes }: (typeof Entries)[number]): boolean =>
      MessageAttributes["sluice-version"]?.StringValue === fault.change.version;
    const others = Entries.filter((entry) => !isHit(entry));
    const failures = Entries.filter(isHit).map(({ Id }) => ({ Id, ...entryFailures[fault.kind] }));
    if (others.length === 0) return { Failed: failures };
    const { Successful, Failed = [] } = await client.sendMessageBatch({ QueueUrl, Entries: others }, options);
    return { Successful, Failed: [...Failed, ...failures] };
  },
});

export const startTarget = async (engine: SqsEngine): Promise<Target> => {
  const proxy = await startFaultyProxy(engine.endpoint, illAnswers);
  const config = { ...engine.clientConfig, maxAttempts: 1 };
  const direct = new SQS(config);
  // Queue URLs name the engine itself, and the SDK would go there.
  const proxied = new SQS({ ...config, endpoint: proxy.endpoint, useQueueUrlAsEndpoint: false });
  let fault: Fault | undefined;
  let queues = 0;
  return {
    engine,
    proxy,
    client: withEntryFault(proxied, () => fault),
    direct,
    createQueue: async (suffix) => {
      queues += 1;
      const { QueueUrl = "" } = await direct.createQueue({
        QueueName: `orders-${queues}${suffix ?? ""}`,
        Attributes: suffix === ".fifo" ? { FifoQueue: "true" } : {},
      });
      return QueueUrl;
    },
    drain: (queueUrl) => drainQueue(direct, queueUrl),
    fail: (next) => {
      fault = next;
      if (next === undefined) proxy.script(undefined);
      else if (!("change" in next)) proxy.fail(next.kind);
    },
    stop: async () => {
      proxied.destroy();
      direct.destroy();
      await proxy.stop();
      await engine.stop();
    },
  };
};
