// The client that the sink creates: after the first request, its requests are written without the SDK's middleware.
// Every message must arrive, once, at a real server.

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { engineOrSkip, startSqs } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { snsSink } from "../src/index.ts";
import { startTarget } from "./target.ts";

const describeWithSns = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startSqs()));
const environment = { ...process.env };
const count = 137;

describeWithSns("a client of the sink's own", (target) => {
  afterEach(() => {
    process.env = { ...environment };
  });

  test.each([undefined, ".fifo"] as const)("delivers each message once (topic with suffix %s)", async (suffix) => {
    const { topicArn, drain } = await target.createTopic(suffix);
    target.useProxy();
    let ours = 0;
    target.proxy.script(({ headers }) => {
      if (headers["amz-sdk-invocation-id"] === undefined) ours += 1; // the SDK writes this header
      return undefined;
    });
    const table = tableHistory();
    const sink = snsSink({ topicArn });
    const handler = pipeline<{ note: string }>("notes", {
      onReject: "block",
      logger: { info: () => undefined, warn: () => undefined },
    })
      .to(sink, ({ after }) => ({ body: after?.note }), { dedupe: "none" })
      .handler();
    const notes = Array.from({ length: count }, (_, index) => `${index} "ü" 漢 <&> \\ ${"x".repeat(index * 20)}`);
    for (let at = 0; at < count; at += 50) {
      const records = notes
        .slice(at, at + 50)
        .map((note, index) => table.put({ pk: String(at + index), sk: "1", note }));
      expect(await handler(streamEvent(records))).toEqual({ batchItemFailures: [] });
    }
    const bodies = (await drain()).map(({ body }) => body);
    expect(bodies.sort()).toEqual([...notes].sort());
    // All but the requests of the first of three batches.
    expect(ours).toBeGreaterThanOrEqual((count - 50) / 10);
    await sink.close?.();
  });
});
