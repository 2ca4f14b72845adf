// Runs the conformance kit on DynamoDB Local: with the item's own key, with a function's key, and with a key that changes.

import { afterAll, describe, test } from "@jest/globals";
import type { UnknownItem } from "@sluice/core";
import { engineOrSkip } from "@sluice/local";
import { conforms, type Fault, type SpecimenItem, type UpsertConformance } from "@sluice/testing";
import { type DynamodbMessage, type DynamodbSinkOptions, dynamodbSink } from "../src/index.ts";
import { type Engine, startEngine, withoutGuard } from "./support/engine.ts";
import { scriptOf } from "./support/faulty-proxy.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

interface Variant {
  readonly name: string;
  readonly options: Partial<DynamodbSinkOptions>;
  readonly keys: Readonly<Record<string, "S" | "N" | "B">>;
  readonly skip?: UpsertConformance<DynamodbMessage>["skip"];
}

const oneRequest = "every item has its own request, and DynamoDB itself checks its size";
const noHistory = "its records insert one item at several keys of the target, which no stream does";

const movingKey = ({ pk, sk, revision }: UnknownItem) => ({ id: `${pk}|${sk}|${Number(revision) % 3}` });

const variants: readonly Variant[] = [
  { name: "the sink with the item's own key", options: {}, keys: { pk: "S", sk: "S" } },
  {
    name: "the sink with a key that a function returns",
    options: { key: ({ pk, sk }) => ({ id: `${pk}|${sk}` }) },
    keys: { id: "S" },
  },
  {
    name: "the sink with a key that moves",
    options: { movingKey },
    keys: { id: "S" },
    skip: { U05: noHistory, U06: noHistory, U07: noHistory },
  },
];

const badOptions: Readonly<Record<string, () => unknown>> = {
  table: () => dynamodbSink({ table: "a table" }),
  client: () => dynamodbSink({ table: "target", client: {} as never }),
  key: () => dynamodbSink({ table: "target", key: [] }),
  movingKey: () => dynamodbSink({ table: "target", movingKey: "id" as never }),
  guardAttribute: () => dynamodbSink({ table: "target", guardAttribute: "" }),
  ttlAttribute: () => dynamodbSink({ table: "target", ttlAttribute: "_sluice" }),
  tombstoneDays: () => dynamodbSink({ table: "target", tombstoneDays: 28 }),
  concurrency: () => dynamodbSink({ table: "target", concurrency: 0 }),
  name: () => dynamodbSink({ table: "target", name: "" }),
  now: () => dynamodbSink({ table: "target", now: 0 as never }),
};

const open = async (engine: Engine, { options, keys }: Variant) => {
  const { proxy, scan } = engine;
  const table = await engine.createTable(keys);
  const sink = dynamodbSink({ client: engine.client(), table, ...options });
  proxy.reset();
  return {
    sink,
    toMessage: ({ after }: { readonly after: SpecimenItem }): DynamodbMessage => after,
    read: async () => (await scan(table, sink.liveFilter)).map(withoutGuard).map(({ id: _, ...item }) => item),
    requests: () => Object.values(proxy.calls()).reduce((sum, count) => sum + count, 0),
    fail: (fault: Fault) => {
      if (fault.kind === "close-idle") proxy.closeIdle();
      else proxy.script(scriptOf(fault));
    },
    endFault: () => proxy.script(undefined),
    close: () => proxy.reset(),
  };
};

describeWithDynamodb("on DynamoDB Local", (engine) => {
  for (const variant of variants) {
    conforms(
      { describe, test },
      {
        writes: "upsert",
        name: variant.name,
        skip: { C07: oneRequest, C08: oneRequest, ...variant.skip },
        badOptions,
        open: () => open(engine, variant),
      },
    );
  }
});
