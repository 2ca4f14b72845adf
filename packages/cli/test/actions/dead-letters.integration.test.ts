// The actions about dead letters, beside the commands that they are, with a pipeline to Postgres and to a table.

import { readFile, stat } from "node:fs/promises";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type Bench, call, never, openBench } from "./place.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true }),
);

describeWithEngines("actions about dead letters", (engines) => {
  const benches: Bench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });

  /** Four orders that Postgres refuses, each with a dead letter, and a message without an envelope. */
  const open = async (count = 4) => {
    const bench = await openBench(engines);
    benches.push(bench);
    const { world } = bench;
    for (let index = 0; index < count; index += 1) {
      await world.put({ id: `o-${index}`, total: 5_000 + index, note: "secret" });
    }
    await world.deliver();
    await world.sqs.sendMessage({ QueueUrl: world.deadLetters, MessageBody: "no envelope" });
    const list = () => bench.actions.deadLetters(world.deadLetters, never);
    const ids = (await list()).rows.map(({ id }) => id);
    /** From now on, Postgres takes each total. */
    const mend = () => world.pool.query("ALTER TABLE orders DROP CONSTRAINT orders_total_check");
    const totals = async () =>
      Object.fromEntries(
        (await world.pool.query("SELECT id, total FROM orders ORDER BY id")).rows.map(({ id, total }) => [id, total]),
      );
    return { ...bench, ids, list, mend, totals };
  };

  test("list has the command's rows, oldest first, without values; and tells what it could not receive", async () => {
    const { list, command, world, ids } = await open();
    const page = await list();
    expect(page.rows).toEqual(
      ids.map((id, index) => ({
        queueUrl: world.deadLetters,
        id,
        pipeline: "orders",
        route: "postgres",
        code: "SINK_REJECTED",
        reason: expect.stringContaining("[postgres]"),
        attempts: 1,
        firstFailedAt: expect.stringMatching(/^20.*Z$/),
        keys: { id: { S: `o-${index}` } },
        eventId: id.replace(/:orders:postgres$/, ""),
        isStored: false,
      })),
    );
    expect(page.unsupported).toEqual([expect.stringMatching(/^1 unsupported message \(no envelope\): /)]);
    expect(page.hidden).toBe(0);
    expect(JSON.stringify(page)).not.toContain("secret");
    expect(JSON.stringify(page)).not.toMatch(/(?<!-)\b5000\b(?!-)/);
    const { stdout } = await command("dead-letters", "list", world.deadLetters);
    expect(
      stdout
        .split("\n")
        .slice(1, 5)
        .map((line) => line.split(/ {2,}/)[0]),
    ).toEqual(ids);
    await world.sqs.receiveMessage({ QueueUrl: world.deadLetters, MaxNumberOfMessages: 3, VisibilityTimeout: 600 });
    const during = await list();
    expect(during.rows.length + during.unsupported.length + during.hidden).toBe(5);
    expect(during.hidden).toBe(3);
  });

  test("show has the whole record, also after an abort of another list", async () => {
    const { actions, world, ids } = await open();
    await expect(actions.deadLetters(world.deadLetters, AbortSignal.abort())).rejects.toThrow(/abort/);
    const view = await actions.deadLetter(world.deadLetters, ids[2] as string, never);
    expect(view).toMatchObject({
      row: { id: ids[2], keys: { id: { S: "o-2" } } },
      message: expect.stringContaining("[postgres]"),
      newImage: { id: { S: "o-2" }, total: { N: "5002" }, note: { S: "secret" } },
    });
    expect(view.oldImage).toBeUndefined();
    expect(JSON.parse(view.envelope)).toMatchObject({ id: ids[2], record: { dynamodb: { NewImage: view.newImage } } });
    // Only whole ids are names: the beginning of one may be that of several.
    const begin = String(ids[2]).slice(0, 20);
    await expect(actions.deadLetter(world.deadLetters, begin, never)).rejects.toMatchObject({
      name: "ActionError",
      code: "DEAD_LETTER_MISSING",
    });
    await expect(actions.deadLetter(`${world.deadLetters}2`, begin, never)).rejects.toMatchObject({
      code: "QUEUE_UNKNOWN",
    });
  });

  test("export has the lines of the command", async () => {
    const { actions, world, ids, command } = await open();
    const some = ids.slice(1, 3);
    const lines = await actions.exportDeadLetters({ queueUrl: world.deadLetters, ids: some }, never);
    const named = some.flatMap((id) => ["--id", id]);
    const { stdout } = await command("dead-letters", "export", world.deadLetters, ...named);
    expect(lines.length).toBe(2);
    expect([...lines].sort()).toEqual(stdout.split("\n").slice(0, -1).sort());
    await expect(actions.exportDeadLetters({ queueUrl: world.deadLetters, ids: ["x"] }, never)).rejects.toMatchObject({
      code: "DEAD_LETTER_MISSING",
    });
  });

  test("drop deletes exactly these, after it wrote a file that only its owner reads, and that redrives", async () => {
    const { actions, world, ids, list, command, mend, totals } = await open();
    const some = [ids[0], ids[3]] as string[];
    const dropped = await actions.dropDeadLetters({ queueUrl: world.deadLetters, ids: [...some, "gone"] }, never);
    expect(dropped).toMatchObject({ dropped: 2, left: 0 });
    expect((await stat(dropped.file)).mode & 0o777).toBe(0o600);
    expect((await readFile(dropped.file, "utf8")).trim().split("\n")).toHaveLength(2);
    const page = await list();
    expect(page.rows.map(({ id }) => id)).toEqual([ids[1], ids[2]]);
    expect(page.unsupported).toHaveLength(1);
    expect(page.hidden).toBe(0);
    await mend();
    const line = actions.commandOf({ kind: "redrive", pipeline: "orders", queueUrl: world.deadLetters });
    const args = line
      .split(" ")
      .slice(2)
      .map((word) => (word === world.deadLetters ? dropped.file : word));
    expect(await command(...args)).toMatchObject({ code: 0, stdout: "2 received = 2 delivered\n" });
    expect(await totals()).toEqual({ "o-0": 5_000, "o-3": 5_003 });
  });

  test("redrive sends exactly the selected ones, in order, with the lines of the command; the others stay", async () => {
    const { actions, world, ids, list, mend, totals, command } = await open();
    const some = [ids[2], ids[0], "gone"] as string[];
    const input = { kind: "redrive", pipeline: "orders", queueUrl: world.deadLetters, ids: some } as const;
    const rejected = await actions.run(input, call());
    expect(rejected).toMatchObject({
      isClean: false,
      counts: { rejected: 2, missing: 1 },
      deadLetters: [
        { id: ids[0], route: "postgres", outcome: "rejected", code: "SINK_REJECTED", stays: true },
        { id: ids[2], route: "postgres", outcome: "rejected", code: "SINK_REJECTED", stays: true },
        { id: "gone", outcome: "missing" },
      ],
    });
    const dry = await actions.run({ ...input, isDryRun: true }, call());
    expect(dry?.counts).toEqual({ rejected: 2, missing: 1 });
    await mend();
    const before = await actions.run({ ...input, isDryRun: true }, call());
    const { stdout } = await command(
      ...actions
        .commandOf({ ...input, isDryRun: true })
        .split(" ")
        .slice(2),
    );
    expect(before?.lines).toEqual([...stdout.trimEnd().split("\n"), "1 dead letter could not be received"]);
    expect(before?.deadLetters?.every(({ stays }) => stays)).toBe(true);
    expect(await totals()).toEqual({});
    const steps: string[] = [];
    const sent = await actions.run(
      input,
      call(never, ({ doing, done, counts }) => steps.push(`${doing} ${done} ${JSON.stringify(counts)}`)),
    );
    expect(sent).toMatchObject({
      isClean: false,
      counts: { delivered: 2, missing: 1 },
      deadLetters: [
        { id: ids[0], route: "postgres", outcome: "delivered", stays: false },
        { id: ids[2], route: "postgres", outcome: "delivered", stays: false },
        { id: "gone", outcome: "missing", stays: true },
      ],
    });
    expect(steps.at(-1)).toBe('redriving 2 {"delivered":2}');
    expect(await totals()).toEqual({ "o-0": 5_000, "o-2": 5_002 });
    expect((await list()).rows.map(({ id }) => id)).toEqual([ids[1], ids[3]]);
    const rest = await actions.run({ kind: "redrive", pipeline: "orders", queueUrl: world.deadLetters }, call());
    expect(rest?.deadLetters).toHaveLength(2);
    // A message without an envelope stays, and is named, as the command names it.
    expect(rest?.isClean).toBe(false);
    expect(rest?.lines[0]).toBe("3 received = 2 delivered + 1 unsupported");
    expect(await list()).toMatchObject({ rows: [], hidden: 0 });
  });

  test("a redrive that is aborted at once sends nothing, and releases all", async () => {
    const { actions, world, list, mend, totals } = await open();
    await mend();
    const input = { kind: "redrive", pipeline: "orders", queueUrl: world.deadLetters } as const;
    const result = await actions.run(input, call(AbortSignal.abort()));
    expect(result).toMatchObject({ isClean: false, isPartial: true });
    expect(await totals()).toEqual({});
    expect(await list()).toMatchObject({ hidden: 0, rows: { length: 4 } });
  });

  test("the call after a pause sends what the first one did not send, and has the outcomes of both", async () => {
    const { actions, world, ids, list, mend, totals } = await open();
    await mend();
    const [first = "", ...rest] = ids;
    const input = { kind: "redrive", pipeline: "orders", queueUrl: world.deadLetters, ids } as const;
    const sent = await actions.run({ ...input, ids: [first] }, call());
    const stopped = await actions.run(input, { ...call(AbortSignal.abort()), ...(sent && { earlier: sent }) });
    expect(stopped).toMatchObject({ isPartial: true, counts: { delivered: 1, missing: 3 } });
    const whole = await actions.run(input, { ...call(), ...(stopped && { earlier: stopped }) });
    expect(whole).toMatchObject({ isClean: true, counts: { delivered: ids.length } });
    expect(whole).not.toHaveProperty("isPartial");
    expect(whole?.deadLetters?.map(({ id }) => id)).toEqual([first, ...rest]);
    expect(Object.keys(await totals())).toHaveLength(ids.length);
    expect((await list()).rows).toEqual([]);
  });

  test("an edited dead letter is delivered with its own version, and the original is removed", async () => {
    const { actions, world, ids, list, totals } = await open();
    const [id = "", second = ""] = ids;
    const newImage = { id: { S: "o-0" }, total: { N: "7" }, note: { S: "mended" }, hidden: { BOOL: false } };
    const edit = (change: object) =>
      actions.editDeadLetter({ queueUrl: world.deadLetters, id, newImage: { ...newImage, ...change } as never }, never);
    expect(await edit({ total: { N: "6000" } })).toMatchObject({ outcome: "rejected", stays: true });
    expect((await actions.deadLetter(world.deadLetters, id, never)).newImage).toMatchObject({ total: { N: "5000" } });
    for (const wrong of [
      { total: { X: "7" } },
      { total: 7 },
      { total: { N: "seven" } },
      { id: { S: "o-1" } },
      { id: { N: "0" } },
    ]) {
      await expect(edit(wrong)).rejects.toMatchObject({ name: "ActionError", code: "IMAGE_INVALID" });
    }
    await expect(
      actions.editDeadLetter({ queueUrl: world.deadLetters, id, newImage: [] as never }, never),
    ).rejects.toMatchObject({ code: "IMAGE_INVALID" });
    await expect(
      actions.editDeadLetter({ queueUrl: world.deadLetters, id: "gone", newImage }, never),
    ).rejects.toMatchObject({ code: "DEAD_LETTER_MISSING" });
    expect((await list()).rows).toHaveLength(4);
    expect(await edit({})).toEqual({ id, route: "postgres", outcome: "delivered", stays: false });
    expect(await totals()).toEqual({ "o-0": 7 });
    expect((await list()).rows.map((row) => row.id)).toEqual(ids.slice(1));
    const sequence = await world.lastOf("o-0");
    const { rows } = await world.pool.query("SELECT sluice_version FROM orders_sluice WHERE id = 'o-0'");
    expect(rows[0].sluice_version).toContain(sequence);
    // A later change of the item supersedes the edit, which is then done.
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    const late = { queueUrl: world.deadLetters, id: second, newImage: { ...newImage, id: { S: "o-1" } } };
    expect(await actions.editDeadLetter(late, never)).toMatchObject({ outcome: "superseded", stays: false });
    expect((await totals())["o-1"]).toBe(1);
  });

  test("a removal has no image to edit", async () => {
    const { actions, world, ids } = await open(0);
    expect(ids).toEqual([]);
    await world.sqs.sendMessage({
      QueueUrl: world.deadLetters,
      MessageBody: JSON.stringify({
        ...{ v: 1, id: "removal", pipeline: "orders", sink: "postgres", code: "SINK_REJECTED", message: "no" },
        ...{ attempts: 1, firstFailedAt: "2026-01-02T03:04:05.000Z" },
        record: {
          eventID: "1",
          eventName: "REMOVE",
          eventSourceARN: world.streamArn,
          dynamodb: { Keys: { id: { S: "r" } }, OldImage: { id: { S: "r" } }, SequenceNumber: "1" },
        },
      }),
    });
    const edit = { queueUrl: world.deadLetters, id: "removal", newImage: { id: { S: "r" } } };
    await expect(actions.editDeadLetter(edit, never)).rejects.toThrow(/the change has no new image/);
  });
});
