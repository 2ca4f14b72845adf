// A FIFO queue as a target. Proxies simulate its faults.

import { SQS } from "@aws-sdk/client-sqs";
import { drainQueue, type SqsEngine } from "@sluice/local";
import { sqsSink } from "@sluice/sink-sqs";
import type { Arrival } from "./comparison.ts";
import { httpFaults } from "./http-faults.ts";
import { arrivalOf } from "./message.ts";
import type { ChaosTarget } from "./target.ts";

/** Opens a target that has its own queue. */
export const sqsTarget = async (engine: SqsEngine, name: string): Promise<ChaosTarget> => {
  const direct = new SQS(engine.clientConfig);
  const Attributes = { FifoQueue: "true" };
  const { QueueUrl: queueUrl = "" } = await direct.createQueue({ QueueName: `${name}.fifo`, Attributes });
  const faults = await httpFaults(engine.endpoint, ['{"Successful":[]}', '{"Failed":[{}]}']);
  const { endpoint } = faults;
  // The queue URL contains the address of the engine. This option sends the requests to the proxy instead.
  const client = new SQS({ ...engine.clientConfig, endpoint, useQueueUrlAsEndpoint: false, maxAttempts: 1 });
  const sink = sqsSink({ queueUrl, client });
  return {
    name: sink.name,
    addTo: (pipeline, wrap) => pipeline.to(wrap(sink), (change) => ({ body: arrivalOf(change) }), { dedupe: "native" }),
    begin: faults.begin,
    end: faults.end,
    read: async () => {
      const messages = await drainQueue(direct, queueUrl);
      return { kind: "arrivals", arrivals: messages.map(({ body }) => JSON.parse(body) as Arrival) };
    },
    close: async () => {
      client.destroy();
      direct.destroy();
      await faults.stop();
    },
  };
};
