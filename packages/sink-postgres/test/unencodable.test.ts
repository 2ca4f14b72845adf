// A message that makes the encoder throw is rejected alone. The conformance kit has more such messages, in C22.

import { afterAll, describe, expect, test } from "@jest/globals";
import type { AttributeValue, Image, UpsertDelivery } from "@sluice/core/sink-kit";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { type PostgresRow, postgresSink } from "../src/index.ts";
import { changeOf, invocation, messagesOf, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const secret = "confidential-4711";

const thrower = (): never => {
  throw new Error(secret);
};

const cyclic: Record<string, unknown> = { secret };
cyclic.self = cyclic;

const nested = (levels: number): AttributeValue => {
  let value: AttributeValue = { S: secret };
  for (let level = 0; level < levels; level += 1) value = { M: { a: value } };
  return value;
};

describeWithPostgres("a message that cannot be encoded", (engine) => {
  test.each<[string, unknown]>([
    ["toJSON throws", { toJSON: thrower }],
    ["there is a cycle", cyclic],
    ["a getter throws", Object.defineProperty({}, "a", { enumerable: true, get: thrower })],
  ])("is rejected alone, and the error names the column: %s", async (_what, value) => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, data jsonb, line text)");
    const sink = postgresSink({ pool: database.pool, table: "items" });
    await sink.ensure();
    for (const [index, column] of ["data", "line"].entries()) {
      const row = (id: string, values: object) => upsertOf(changeOf({ id }, index + 1, {}), values as PostgresRow);
      const batch = [row("1", {}), row("2", { [column]: value }), row("3", {})];
      const results = await sink.write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED", "delivered"]);
      expect(messagesOf(results).join()).toContain(
        `column "${column}": a value cannot be written as JSON, which threw`,
      );
      expect(messagesOf(results).join()).not.toContain(secret);
    }
    expect(await database.sql("SELECT id FROM items ORDER BY id")).toEqual([{ id: "1" }, { id: "3" }]);
    await database.close();
  });

  test("is rejected alone if it is a forged image of 8,000 levels", async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, data jsonb)");
    const sink = postgresSink({ pool: database.pool, table: "items", columns: { id: "text", data: "jsonb" } });
    await sink.ensure();
    const image = (id: string, data: AttributeValue): UpsertDelivery<Image> => ({
      ...upsertOf(changeOf({ id }, 1, {}), {}),
      message: { id: { S: id }, data },
    });
    const batch = [image("1", nested(3)), image("2", nested(8_000)), image("3", { S: "a" })];
    const results = await sink.write(batch, invocation());
    expect(outcomesOf(batch, results)).toEqual(["delivered", "SINK_REJECTED", "delivered"]);
    expect(messagesOf(results).join()).toContain("the message cannot be encoded, which threw RangeError");
    await database.close();
  });
});
