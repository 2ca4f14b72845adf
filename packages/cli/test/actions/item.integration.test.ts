// The actions about one item: its trace and its values, of items that are there, removed, ghosts, and that differ.

import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type Bench, modulePath, never, openBench } from "./place.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true }),
);

describeWithEngines("actions about one item", (engines) => {
  const benches: Bench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });

  const open = async () => {
    const bench = await openBench(engines);
    benches.push(bench);
    const { actions } = bench;
    const question = (id: string) => ({ pipeline: "orders", keys: { id: { S: id } } });
    return {
      ...bench,
      values: (id: string) => actions.itemValues(question(id), never),
      states: async (id: string) =>
        Object.fromEntries(
          (await actions.item(question(id), never)).trace.conclusions.map(({ routes, state }) => [routes[0], state]),
        ),
    };
  };

  test("an item whose copies are right: held and expected are equal, and the trace is that of the command", async () => {
    const { world, values, states, actions, command } = await open();
    await world.put({ id: "a", total: 12, note: "a secret" });
    await world.deliver();
    expect(await values("a")).toEqual({
      item: { id: { S: "a" }, total: { N: "12" }, note: { S: "a secret" }, hidden: { BOOL: false } },
      targets: [
        {
          routes: ["postgres"],
          held: { id: "a", total: "12", note: "a secret" },
          expected: { id: "a", total: "12", note: "a secret" },
        },
        { routes: ["replica"], held: expect.any(Object), expected: expect.any(Object) },
      ],
    });
    const [, replica] = (await values("a")).targets;
    expect(replica?.held).toEqual(replica?.expected);
    expect(await states("a")).toEqual({ postgres: "up to date", replica: "up to date" });
    const { trace } = await actions.item({ pipeline: "orders", keys: { id: { S: "a" } } }, never);
    expect(JSON.stringify(trace)).not.toContain("secret");
    const queues = ["--retry-queue", world.retryQueue, "--dead-letters", world.deadLetters];
    const key = ["--table", world.name, "--key", '{"id":"a"}', "--json"];
    const { stdout } = await command("trace", modulePath, ...key, ...queues);
    const { next: _, exitCode: __, at: ___, ...printed } = JSON.parse(stdout);
    const { at: ____, ...own } = trace;
    expect(own).toEqual(printed);
  });

  test("a copy that differs, one that is missing, a ghost, a removed item, and one that the filter hides", async () => {
    const { world, values, states } = await open();
    for (const id of ["differs", "missing", "ghost", "removed"]) await world.put({ id, total: 1 });
    await world.deliver();
    await world.pool.query("UPDATE orders SET total = 77 WHERE id = 'differs'");
    await world.pool.query("DELETE FROM orders WHERE id = 'missing'");
    await world.pool.query("DELETE FROM orders_sluice WHERE id = 'missing'");
    await world.remove("removed");
    await world.deliver();
    // The removal never reaches the pipeline.
    await world.remove("ghost");
    const postgres = async (id: string) => (await values(id)).targets[0];
    const rightOf = (id: string) => ({ id, total: "1", note: "" });
    expect(await postgres("differs")).toEqual({
      routes: ["postgres"],
      held: { ...rightOf("differs"), total: "77" },
      expected: rightOf("differs"),
    });
    expect(await states("differs")).toMatchObject({ postgres: "differs" });
    expect(await postgres("missing")).toEqual({ routes: ["postgres"], expected: rightOf("missing") });
    const problem = expect.stringContaining("a copy that it should not hold");
    expect(await values("ghost")).toMatchObject({
      targets: [
        { held: {}, problem },
        { held: {}, problem },
      ],
    });
    expect((await values("ghost")).item).toBeUndefined();
    expect((await postgres("ghost"))?.expected).toBeUndefined();
    expect(await states("ghost")).toMatchObject({ postgres: "behind" });
    expect(await values("removed")).toEqual({ targets: [{ routes: ["postgres"] }, { routes: ["replica"] }] });
    expect(await states("removed")).toMatchObject({ postgres: "up to date" });
    await world.put({ id: "hidden", total: 1, hidden: true });
    expect(await postgres("hidden")).toEqual({ routes: ["postgres"] });
    // No int of Postgres has this value.
    await world.put({ id: "refused", total: 99_999_999_999 });
    expect(await postgres("refused")).toEqual({
      routes: ["postgres"],
      problem: "the target would refuse the item: SINK_REJECTED",
    });
  });

  test("numbers keep all their digits", async () => {
    const { world, values } = await open();
    const total = "12345678901234567890123456789012345.678";
    await world.client.putItem({ TableName: world.name, Item: { id: { S: "n" }, total: { N: total } } });
    const { item, targets } = await values("n");
    expect(item?.total).toEqual({ N: total });
    // The sink compares numbers by their digits and their exponent.
    expect(targets[1]?.expected).toMatchObject({ total: `{"N":"${total.replace(".", "")}e-3"}` });
  });

  test("a key that is none of the table has an error with a code and without the value", async () => {
    const { actions, place } = await open();
    for (const keys of [{}, { id: { N: "1" } }, { id: { S: "x" }, sk: { S: "secret" } }, { sk: { S: "secret" } }, []]) {
      const asked = actions.item({ pipeline: "orders", keys: keys as never }, never);
      await expect(asked).rejects.toMatchObject({ name: "ActionError", code: "KEY_INVALID" });
      await expect(asked).rejects.toThrow(/^the key .*; expected all key attributes of the table/);
      await expect(asked).rejects.not.toThrow(/secret/);
    }
    await expect(actions.itemValues({ pipeline: "other", keys: { id: { S: "x" } } }, never)).rejects.toMatchObject({
      code: "PIPELINE_UNKNOWN",
    });
    expect(place.table).toBeDefined();
  });

  test("a target that does not answer has a problem, and the others have their values", async () => {
    const { world, values } = await open();
    await world.put({ id: "a", total: 1 });
    await world.deliver();
    await world.pool.query("ALTER TABLE orders RENAME TO away");
    const [postgres, replica] = (await values("a")).targets;
    expect(postgres).toEqual({ routes: ["postgres"], problem: "SINK_MISSING" });
    expect(replica?.held).toBeDefined();
  });
});
