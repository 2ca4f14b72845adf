// Sets up the target of the tests, an engine behind a proxy.

import { SQS } from "@aws-sdk/client-sqs";
import {
  drainQueue,
  type FaultyProxy,
  type ProxyAnswer,
  type ProxyScript,
  type SqsEngine,
  startFaultyProxy,
} from "@sluice/local";
import type { Fault } from "@sluice/testing";
import type { SqsClient } from "../src/index.ts";

export interface SqsTarget {
  readonly engine: SqsEngine;
  readonly proxy: FaultyProxy;
  /** A client whose requests go through the proxy. */
  readonly client: SqsClient;
  /** A client whose requests go directly to the engine. */
  readonly direct: SQS;
  readonly createQueue: (suffix?: ".fifo") => Promise<string>;
  /** Returns the URL of a queue at the proxy, for a client that a sink creates, and sets the environment for this client. */
  readonly proxiedUrl: (queueUrl: string) => string;
  readonly drain: (queueUrl: string) => ReturnType<typeof drainQueue>;
  /** Injects this fault. If the fault names a change, only the entry of that change fails. Undefined ends the fault. */
  readonly fail: (fault: Fault | undefined) => void;
  readonly stop: () => Promise<void>;
}

const answer = (status: number, type: string): ProxyAnswer => ({
  status,
  headers: { "content-type": "application/x-amz-json-1.0" },
  body: JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: "the queue fails" }),
});

const faultAnswers = {
  throttle: answer(400, "RequestThrottled"),
  down: answer(503, "ServiceUnavailable"),
  deny: answer(403, "AccessDenied"),
};

const entryFailures = {
  "throttle-one": { Code: "RequestThrottled", SenderFault: false, Message: "slow down" },
  // SQS' error message quotes the rejected message, so the sink must not copy this error message.
  refuse: { Code: "InvalidParameterValue", SenderFault: true, Message: "confidential-7f3a is not allowed" },
};

type EntryFault = Extract<Fault, { readonly change: unknown }>;

/** Answers a request itself: the entry of the fault's change fails, and the client sends all other entries. */
const failEntry =
  (client: SqsClient, { kind, change }: EntryFault): ProxyScript =>
  async ({ body }) => {
    const { QueueUrl, Entries } = JSON.parse(body) as Parameters<SqsClient["sendMessageBatch"]>[0];
    const isFaulty = ({ MessageAttributes }: (typeof Entries)[number]): boolean =>
      MessageAttributes["sluice-version"]?.StringValue === change.version;
    const others = Entries.filter((entry) => !isFaulty(entry));
    const failures = Entries.filter(isFaulty).map(({ Id }) => ({ Id, ...entryFailures[kind] }));
    const sent = others.length === 0 ? {} : await client.sendMessageBatch({ QueueUrl, Entries: others });
    const answered = { Successful: sent.Successful ?? [], Failed: [...(sent.Failed ?? []), ...failures] };
    return { status: 200, headers: { "content-type": "application/x-amz-json-1.0" }, body: JSON.stringify(answered) };
  };

export const startTarget = async (engine: SqsEngine): Promise<SqsTarget> => {
  const proxy = await startFaultyProxy(engine.endpoint, faultAnswers);
  const config = { ...engine.clientConfig, maxAttempts: 1 };
  const direct = new SQS(config);
  // By default, the SDK sends requests to the host in the queue URL, which would bypass the proxy.
  const proxied = new SQS({ ...config, endpoint: proxy.endpoint, useQueueUrlAsEndpoint: false });
  let queues = 0;
  return {
    engine,
    proxy,
    client: proxied,
    direct,
    createQueue: async (suffix) => {
      queues += 1;
      const { QueueUrl = "" } = await direct.createQueue({
        QueueName: `orders-${queues}${suffix ?? ""}`,
        Attributes: suffix === ".fifo" ? { FifoQueue: "true" } : {},
      });
      return QueueUrl;
    },
    proxiedUrl: (queueUrl) => {
      const { region, credentials } = engine.clientConfig;
      Object.assign(process.env, {
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_ENDPOINT_URL_SQS: proxy.endpoint,
      });
      // The SDK sends to the host in the queue URL.
      return queueUrl.replace(engine.endpoint, proxy.endpoint);
    },
    drain: (queueUrl) => drainQueue(direct, queueUrl),
    fail: (next) => {
      if (next === undefined) proxy.script(undefined);
      else if ("change" in next) proxy.script(failEntry(direct, next));
      else proxy.fail(next.kind);
    },
    stop: async () => {
      proxied.destroy();
      direct.destroy();
      await proxy.stop();
      await engine.stop();
    },
  };
};
