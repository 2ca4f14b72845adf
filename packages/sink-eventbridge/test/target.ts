// Sets up the target of the tests: an engine behind a proxy. The sink sends events, and queues receive the events.

import { EventBridge } from "@aws-sdk/client-eventbridge";
import { SQS } from "@aws-sdk/client-sqs";
import { drainQueue, type FaultyProxy, type MotoEngine, type ProxyAnswer, startFaultyProxy } from "@sluice/local";
import type { Fault } from "@sluice/testing";
import type { PutEventsEntry } from "../src/encode.ts";
import type { EventBridgeClient } from "../src/index.ts";
import type { PutEventsResult } from "../src/options.ts";

/** An event as the target of a rule receives it. */
export interface ReceivedEvent {
  readonly source: string;
  readonly "detail-type": string;
  readonly resources: readonly string[];
  readonly time: string;
  readonly detail: {
    readonly sluiceid: string;
    readonly sluiceversion: string;
    readonly [member: string]: unknown;
  };
}

/** A bus, and a queue that receives its events. */
export interface Bus {
  readonly eventBusName: string;
  /** Returns the events since the last call. */
  readonly drain: () => Promise<readonly ReceivedEvent[]>;
}

export interface EventBridgeTarget {
  readonly engine: MotoEngine;
  readonly proxy: FaultyProxy;
  /** A client whose requests go through the proxy. */
  readonly client: EventBridgeClient;
  /** Creates a bus whose rule has this pattern. The default pattern matches all events. */
  readonly createBus: (pattern?: object) => Promise<Bus>;
  /** Injects this fault. If the fault names a change, only the entry of that change fails. Undefined ends the fault. */
  readonly fail: (fault: Fault | undefined) => void;
  readonly stop: () => Promise<void>;
}

const answer = (status: number, type: string): ProxyAnswer => ({
  status,
  headers: { "content-type": "application/x-amz-json-1.1" },
  body: JSON.stringify({ __type: type, message: "the bus fails" }),
});

const faultAnswers = {
  throttle: answer(400, "ThrottlingException"),
  down: answer(503, "ServiceUnavailable"),
  deny: answer(400, "AccessDeniedException"),
};

const entryFailures = {
  "throttle-one": { ErrorCode: "ThrottlingException", ErrorMessage: "slow down" },
  // EventBridge's error message may quote the rejected detail, so the sink must not copy this message.
  refuse: { ErrorCode: "MalformedDetail", ErrorMessage: "confidential-7f3a is not allowed" },
};

/** Whether the fault fails one entry, and not the whole request. */
const isOfEntry = (fault: Fault): fault is Extract<Fault, { readonly change: unknown }> => fault.kind in entryFailures;

/** Whether moto answers 500: for control characters in these members, and beyond Python's limit of recursion. */
const isBeyondMoto = ({ Source, DetailType, Detail }: PutEventsEntry): boolean =>
  /\p{Cc}/u.test(Source + DetailType) || Detail.split(/[[{]/).length > 500;

/** Wraps the client. If the fault names a change, only the entry of that change fails. */
const withEntryFault = (client: EventBridge, faultOf: () => Fault | undefined): EventBridgeClient => ({
  putEvents: async ({ Entries }, options) => {
    const fault = faultOf();
    const ownAnswer = (entry: (typeof Entries)[number]): PutEventsResult | undefined => {
      if (isBeyondMoto(entry)) return { EventId: "beyond-moto" };
      if (fault === undefined || !isOfEntry(fault)) return undefined;
      return entry.Detail.includes(fault.change.version) ? entryFailures[fault.kind] : undefined;
    };
    const others = Entries.filter((entry) => ownAnswer(entry) === undefined);
    const taken = others.length === 0 ? [] : ((await client.putEvents({ Entries: others }, options)).Entries ?? []);
    const left = [...taken];
    return { Entries: Entries.map((entry) => ownAnswer(entry) ?? left.shift() ?? {}) };
  },
});

export const startTarget = async (engine: MotoEngine): Promise<EventBridgeTarget> => {
  const proxy = await startFaultyProxy(engine.endpoint, faultAnswers);
  const config = { ...engine.clientConfig, maxAttempts: 1 };
  const direct = new EventBridge(config);
  const queues = new SQS(config);
  const proxied = new EventBridge({ ...config, endpoint: proxy.endpoint });
  let fault: Fault | undefined;
  let buses = 0;
  return {
    engine,
    proxy,
    client: withEntryFault(proxied, () => fault),
    createBus: async (pattern = { source: [{ prefix: "" }] }) => {
      buses += 1;
      const eventBusName = `orders-${buses}`;
      const { QueueUrl = "" } = await queues.createQueue({
        QueueName: eventBusName,
        Attributes: { MaximumMessageSize: "1048576" },
      });
      const { Attributes } = await queues.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
      await direct.createEventBus({ Name: eventBusName });
      const rule = { EventBusName: eventBusName, Name: "all" };
      await direct.putRule({ ...rule, EventPattern: JSON.stringify(pattern) });
      await direct.putTargets({
        EventBusName: eventBusName,
        Rule: "all",
        Targets: [{ Id: "queue", Arn: Attributes?.QueueArn }],
      });
      return {
        eventBusName,
        drain: async () => (await drainQueue(queues, QueueUrl)).map(({ body }) => JSON.parse(body) as ReceivedEvent),
      };
    },
    fail: (next) => {
      fault = next;
      if (next === undefined) proxy.script(undefined);
      else if (!isOfEntry(next)) proxy.fail(next.kind);
    },
    stop: async () => {
      for (const client of [proxied, direct, queues]) client.destroy();
      await proxy.stop();
      await engine.stop();
    },
  };
};
