// An EventBridge bus on moto, an emulator, as a target. A rule writes the events to a log group, which the test reads.
// A queue on moto would be too slow for the test.

import type { EventBridge } from "@aws-sdk/client-eventbridge";
import type { MotoEngine } from "@sluice/local";
import { type EventBridgeClient, eventbridgeSink } from "@sluice/sink-eventbridge";
import type { Arrival, Target } from "./run.ts";

const throttling = (): Error => Object.assign(new Error("slow down"), { name: "ThrottlingException" });

/** Calls CloudWatch Logs on moto. moto finds the service's name in the signature, but does not verify the signature. */
const callLogs = async ({ endpoint }: MotoEngine, operation: string, input: object): Promise<unknown> => {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `Logs_20140328.${operation}`,
      authorization: "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/logs/aws4_request",
    },
    body: JSON.stringify(input),
  });
  if (!response.ok) throw new Error(`moto answered ${response.status} to ${operation}`);
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
};

/** Returns the events in the order of arrival. */
const eventsIn = async (moto: MotoEngine, logGroupName: string): Promise<Arrival[]> => {
  const arrived: Arrival[] = [];
  let nextToken: string | undefined;
  do {
    const page = (await callLogs(moto, "FilterLogEvents", {
      logGroupName,
      limit: 10_000,
      ...(nextToken && { nextToken }),
    })) as { readonly events: readonly { readonly message: string }[]; readonly nextToken?: string };
    for (const { message } of page.events) arrived.push((JSON.parse(message) as { detail: Arrival }).detail);
    ({ nextToken } = page);
  } while (nextToken);
  return arrived;
};

/** Opens a target that has its own bus. */
export const eventbridgeTarget = async (moto: MotoEngine, client: EventBridge, name: string): Promise<Target> => {
  await callLogs(moto, "CreateLogGroup", { logGroupName: name });
  await client.createEventBus({ Name: name });
  const rule = { EventBusName: name, Rule: "all" };
  await client.putRule({ EventBusName: name, Name: "all", EventPattern: '{"source":["exactly-once"]}' });
  const Arn = `arn:aws:logs:us-east-1:123456789012:log-group:${name}`;
  await client.putTargets({ ...rule, Targets: [{ Id: "log", Arn }] });
  return {
    toMessage: (detail) => ({ detailType: "Changed", detail }),
    sink: (environment) => {
      const putEvents: EventBridgeClient["putEvents"] = async ({ Entries }) => {
        let ids: readonly { readonly EventId?: string | undefined }[] = [];
        const accepted = await environment.request(Entries.length, async (isFailing) => {
          const others = Entries.filter((_, index) => !isFailing(index));
          if (others.length > 0) ids = (await client.putEvents({ Entries: others })).Entries ?? [];
        });
        if (accepted === "throttled") throw throttling();
        const remaining = [...ids];
        return {
          Entries: accepted.map((isAccepted) =>
            isAccepted ? (remaining.shift() ?? {}) : { ErrorCode: "AccessDeniedException" },
          ),
        };
      };
      return eventbridgeSink({
        source: "exactly-once",
        eventBusName: name,
        client: { putEvents },
        concurrency: 1,
      }) as never;
    },
    arrived: () => eventsIn(moto, name),
  };
};
