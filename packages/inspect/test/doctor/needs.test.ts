// Which rights a function is known to need, and on which resources.

import { describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { eventbridgeSink } from "@sluice/sink-eventbridge";
import { snsSink } from "@sluice/sink-sns";
import { sqsSink } from "@sluice/sink-sqs";
import type { Facts } from "../../src/doctor/facts.ts";
import { busArn, locationOf, queueArn, tableArn } from "../../src/doctor/rights/location.ts";
import { byResource, needsOf } from "../../src/doctor/rights/needs.ts";
import { resourcesIn } from "../../src/doctor/rights/variables.ts";

const location = { partition: "aws", region: "eu-west-1", account: "123456789012" };

describe("location", () => {
  test("is read from the ARN of the function, in each partition", () => {
    expect(locationOf("arn:aws:lambda:eu-west-1:123456789012:function:orders:live")).toEqual(location);
    const china = locationOf("arn:aws-cn:lambda:cn-north-1:123456789012:function:orders");
    expect(china).toEqual({ partition: "aws-cn", region: "cn-north-1", account: "123456789012" });
    expect(locationOf("orders")).toBeUndefined();
    expect(locationOf(undefined)).toBeUndefined();
  });

  test.each([
    ["https://sqs.us-east-2.amazonaws.com/210987654321/orders", "us-east-2"],
    ["https://us-east-2.queue.amazonaws.com/210987654321/orders", "us-east-2"],
    ["http://127.0.0.1:4566/210987654321/orders", "eu-west-1"],
    ["arn:aws:sqs:us-east-2:210987654321:orders", "us-east-2"],
  ])("the queue of %s is in %s", (address, region) => {
    expect(queueArn(location, address)).toBe(`arn:aws:sqs:${region}:210987654321:orders`);
  });

  test("a name is that of a resource of the function's account, and an ARN stays", () => {
    const [table, bus] = ["arn:aws:dynamodb:us-east-1:1:table/a", "arn:aws:events:us-east-1:1:event-bus/a"];
    expect(tableArn(location, "a")).toBe("arn:aws:dynamodb:eu-west-1:123456789012:table/a");
    expect(tableArn(location, table)).toBe(table);
    expect(busArn(location, "a")).toBe("arn:aws:events:eu-west-1:123456789012:event-bus/a");
    expect(busArn(location, bus)).toBe(bus);
  });
});

test("a variable is read only if the constructs set it, and its value names a resource", () => {
  const topic = "arn:aws:sns:eu-west-1:123456789012:orders";
  const found = resourcesIn({
    TOPIC_ARN: topic,
    DATABASE_SECRET_ARN: "postgres://orders:canary@db/orders",
    MAIL_SECRET_ARN: '{"user":"canary"}',
    QUEUE_URL: "canary",
    PASSWORD: "arn:aws:sns:eu-west-1:123456789012:canary",
  });
  expect([...found]).toEqual([["TOPIC_ARN", topic]]);
});

test("each sink of AWS names its resource, and with it the right to write it", () => {
  const none = { dedupe: "none" } as const;
  const { account, region } = location;
  const arn = (service: string, name: string): string => `arn:aws:${service}:${region}:${account}:${name}`;
  const orders = pipeline("orders", { onReject: "block" })
    .to(snsSink({ topicArn: arn("sns", "orders") }), () => ({ body: "" }), none)
    .to(sqsSink({ queueUrl: `https://sqs.${region}.amazonaws.com/${account}/orders` }), () => ({ body: "" }), none)
    .to(eventbridgeSink({ source: "shop" }), () => ({ detailType: "a", detail: {} }), { ...none, name: "default" })
    .to(eventbridgeSink({ source: "shop", eventBusName: "orders" }), () => ({ detailType: "a", detail: {} }), none)
    .to(dynamodbSink({ table: "orders" }));
  const facts = {
    pipeline: orders,
    ...{ streams: [], queues: [], dedupe: undefined },
    function: { mappings: { value: [] }, variables: { value: undefined } },
  } as unknown as Facts;
  expect(needsOf(facts, location)).toEqual([
    { right: "topic", resource: arn("sns", "orders") },
    { right: "queue", resource: arn("sqs", "orders") },
    { right: "bus", resource: arn("events", "event-bus/default") },
    { right: "bus", resource: arn("events", "event-bus/orders") },
    { right: "table", resource: arn("dynamodb", "table/orders") },
  ]);
});

test("IAM is asked once for each resource, about each action once", () => {
  const resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/dedupe";
  const [need, ...others] = byResource([
    { right: "dedupeRetry", resource },
    { right: "dedupeOnFailure", resource },
    { right: "dedupeRetry", resource },
  ]);
  expect(others).toEqual([]);
  expect(need?.rights).toEqual(["dedupeRetry", "dedupeOnFailure"]);
  expect(need?.actions.filter((action) => action === "dynamodb:Query")).toHaveLength(1);
});
