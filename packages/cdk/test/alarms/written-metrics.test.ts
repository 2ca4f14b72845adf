// Alarms and dashboard look at metrics that core writes, under the dimensions that core writes.

import { expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { emfMetrics, routeMetricNames } from "@sluice/core/metrics";
import { alarmsOf, metricNamespace } from "@sluice/rules";
import { lambdaContext, memoryUpsertSink, streamEvent, tableHistory } from "@sluice/testing";
import { PipelineDashboard } from "../../src/index.ts";
import { resourcesIn } from "../support/resources.ts";
import { templateOf, testStack } from "../support/stack.ts";

interface EmfLine {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
    }[];
  };
  readonly [member: string]: unknown;
}

/** A line that core writes for a route. */
const writtenLine = async (): Promise<EmfLine> => {
  const lines: string[] = [];
  const table = tableHistory({ keyNames: ["id"] });
  const observers = [emfMetrics({ functionName: "orders-fn", write: (line) => lines.push(line) })];
  const handler = pipeline("orders", { onReject: "block", observers })
    .to<unknown, "upsert">(memoryUpsertSink<unknown>(), (change) => change.after)
    .handler();
  await handler(streamEvent([table.put({ id: "1", total: 1 })]), lambdaContext());
  return JSON.parse(lines[0] ?? "{}");
};

test("each metric of the function has a name, a namespace and dimensions that core writes", async () => {
  const { _aws, ...members } = await writtenLine();
  const [directive] = _aws.CloudWatchMetrics;
  expect(directive?.Namespace).toBe(metricNamespace);
  const route = String(members.route);
  const values = alarmsOf({ function: "orders-fn", mapping: "uuid", "retry-queue": "retries" }, [route])
    .concat(alarmsOf({ function: "orders-fn", mapping: "uuid" }))
    .flatMap(({ value }) => (value.kind === "metric" ? [value.of] : [value.of, ...value.among]))
    .filter(({ namespace }) => namespace === metricNamespace);
  expect(values.length).toBeGreaterThan(5);
  for (const { metric, dimensions } of values) {
    expect(routeMetricNames).toContain(metric);
    expect(directive?.Dimensions).toContainEqual(Object.keys(dimensions));
    expect(members).toMatchObject(dimensions);
  }
});

test("the dashboard shows metrics that core writes", () => {
  const stack = testStack();
  new PipelineDashboard(stack, "Dashboard", { resources: resourcesIn(stack), routes: ["rows"] });
  const [dashboard] = Object.values(templateOf(stack).findResources("AWS::CloudWatch::Dashboard"));
  const text = JSON.stringify(dashboard);
  const names = [...text.matchAll(/\\"Sluice\\",\\"(\w+)\\"/g)].map(([, name]) => name);
  expect(new Set(names)).toEqual(
    new Set(["Lag", "PendingAge", "Delivered", "Superseded", "Filtered", "Rejected", "Retried", "Queued"]),
  );
  expect(names.filter((name) => !routeMetricNames.includes(name ?? ""))).toEqual([]);
});
