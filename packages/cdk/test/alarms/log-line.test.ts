// The metric filters select members that core's log line has.

import { expect, test } from "@jest/globals";
import { PipelineDashboard } from "@sluice/cdk";
import { pipeline } from "@sluice/core";
import { lambdaContext, memoryUpsertSink, streamEvent, tableHistory } from "@sluice/testing";
import { resourcesIn } from "../support/resources.ts";
import { templateOf, testStack } from "../support/stack.ts";

/** The selectors of the dashboard's metric filters: `$.queued`. */
const selectorsOf = (route: string): readonly string[] => {
  const stack = testStack();
  new PipelineDashboard(stack, "Dashboard", { resources: resourcesIn(stack), routes: [route] });
  const filters = Object.values(templateOf(stack).findResources("AWS::Logs::MetricFilter"));
  return filters.map(({ Properties }) => Properties.MetricTransformations[0].MetricValue as string);
};

const select = (fields: unknown, selector: string): unknown =>
  selector
    .split(".")
    .slice(1)
    .reduce<unknown>((value, name) => Object(value)[name], fields);

test("the report line has the selected members, and the text and pipeline of the pattern", async () => {
  const lines: Record<string, unknown>[] = [];
  const log = (message: string, fields: Record<string, unknown>): void => void lines.push({ message, ...fields });
  const table = tableHistory({ keyNames: ["id"] });
  const target = memoryUpsertSink<unknown>();
  const handler = pipeline("orders", { onReject: "block", logger: { info: log, warn: log } })
    .to<unknown, "upsert">(target, (change) => change.after)
    .handler();
  const event = streamEvent([table.put({ id: "1", total: 1 })]);
  await handler(event, lambdaContext());
  await handler(event, lambdaContext()); // the second time, the change is superseded

  const [first, second] = lines;
  expect(first).toMatchObject({ message: expect.stringMatching(/^batch finished/), pipeline: "orders" });
  const route = Object.keys(Object(first?.routes))[0] as string;
  const selected = selectorsOf(route).map((selector) => [select(first, selector), select(second, selector)]);
  // queued; delivered, superseded, and the three outcomes that do not occur: zeros are left out
  expect(selected).toEqual(
    expect.arrayContaining([
      [0, 0],
      [1, undefined],
      [undefined, 1],
      [undefined, undefined],
    ]),
  );
  expect(select(second, `$.routes.${route}.received`)).toBe(1);
});
