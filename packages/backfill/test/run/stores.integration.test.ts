// The stores of a run's state, on real files, DynamoDB Local, and S3 in memory and in moto.

import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb, startMoto } from "@sluice/local";
import {
  checkResume,
  checkUnits,
  fileStore,
  newRun,
  noCounts,
  objectStore,
  type RunState,
  RunStateError,
  type RunStore,
  type RunSubject,
  type RunTableClient,
  RunTakenError,
  tableStore,
} from "../../src/index.ts";
import { asOf, origin } from "./memory-source.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());
const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, () => startMoto());

const subject: RunSubject = {
  pipeline: "shop",
  source: "table orders",
  tableArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/orders",
  streamArn: origin.streamArn,
};

const startedAt = Date.parse("2026-11-28T08:00:00Z");

const stateOf = (run: string): RunState => {
  const units = [0, 1].map((segment) => ({ kind: "segment", segment, segments: 2 }) as const);
  return newRun(run, subject, { asOf, now: startedAt, units });
};

const advanced = (state: RunState): RunState => ({
  ...state,
  units: state.units.map((unit, index) =>
    index === 0 ? { ...unit, cursor: "c-1", counts: { ...unit.counts, records: 3, delivered: 2, rejected: 1 } } : unit,
  ),
});

/** A place for a run, in which several processes may open a store. */
type Place = (
  run: string,
) => Promise<{ readonly store: () => RunStore; readonly spoil: (text: string) => Promise<void> }>;

const keepsStates = (place: Place): void => {
  test("a state that was saved is opened as it was", async () => {
    const { store } = await place("r-1");
    const first = store();
    expect(await first.open()).toBeUndefined();
    const state = advanced(stateOf("r-1"));
    await first.save(stateOf("r-1"));
    await first.save(state);
    await first.close();
    const second = store();
    expect(await second.open()).toEqual(state);
    await second.save(state);
    await second.close();
  });

  test.each([
    ["", "no JSON object"],
    ['{"format":1,"run":"r-1"', "no JSON object"],
    ["[]", "no JSON object"],
    ['{"format":2}', "format 2"],
    ['{"format":1,"run":"r-1"}', "has no pipeline"],
    [JSON.stringify({ ...stateOf("other") }), "is the state of run other"],
    [JSON.stringify({ ...stateOf("r-1"), asOf: "1" }), "no asOf of 16 digits"],
    [JSON.stringify({ ...stateOf("r-1"), startedAt: "x" }), "no time"],
    [JSON.stringify({ ...stateOf("r-1"), units: [{ unit: { kind: "x" } }] }), "malformed unit at position 0"],
    [JSON.stringify({ ...stateOf("r-1"), routes: [1] }), "routes"],
  ])("a place with %j is refused", async (text, found) => {
    const { store, spoil } = await place("r-1");
    await spoil(text);
    const opened = store();
    await expect(opened.open()).rejects.toThrow(RunStateError);
    await opened.close();
    const again = store();
    await expect(again.open()).rejects.toThrow(found);
    await again.close();
  });
};

const noticesOthers = (place: Place): void => {
  test("the process that a second one replaced notices at its next save", async () => {
    const { store } = await place("r-1");
    const [one, other] = [store(), store()];
    await one.open();
    await one.save(stateOf("r-1"));
    expect(await other.open()).toEqual(stateOf("r-1"));
    await expect(one.save(stateOf("r-1"))).rejects.toThrow(RunTakenError);
    await other.save(advanced(stateOf("r-1")));
    await expect(one.save(stateOf("r-1"))).rejects.toThrow(RunTakenError);
  });

  test("of two processes that begin a run, the second one notices", async () => {
    const { store } = await place("r-1");
    const [one, other] = [store(), store()];
    expect([await one.open(), await other.open()]).toEqual([undefined, undefined]);
    await one.save(stateOf("r-1"));
    await expect(other.save(stateOf("r-1"))).rejects.toThrow(RunTakenError);
  });
};

describe("a file", () => {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });
  const place = async (run: string) => {
    const folder = await mkdtemp(join(tmpdir(), "sluice-runs-"));
    folders.push(folder);
    const path = join(folder, "runs", `${run}.json`);
    const spoil = async (text: string): Promise<void> => {
      const store = fileStore({ path, run });
      await store.open();
      await store.close();
      await writeFile(path, text);
    };
    return { path, folder, spoil, store: () => fileStore({ path, run }) };
  };

  keepsStates(place);

  test("a second process is refused while the first one lives", async () => {
    const { store } = await place("r-1");
    const one = store();
    await one.open();
    await expect(store().open()).rejects.toThrow(RunTakenError);
    await one.close();
    await expect(store().open()).resolves.toBeUndefined();
  });

  test("the lock of a process that died is taken over; its last save is then refused", async () => {
    const { path, store } = await place("r-1");
    const one = store();
    await one.open();
    await one.save(stateOf("r-1"));
    // A process with this number cannot exist: it is above the largest number of Linux.
    await writeFile(`${path}.lock`, `4194305 ${hostname()} ${randomUUID()}\n`);
    const other = store();
    expect(await other.open()).toEqual(stateOf("r-1"));
    await expect(one.save(stateOf("r-1"))).rejects.toThrow(RunTakenError);
    await one.close();
    await other.save(stateOf("r-1"));
  });

  test("a lock without a process, as a crash leaves it, is named", async () => {
    const { store, path, spoil } = await place("r-1");
    await spoil("{}");
    await writeFile(`${path}.lock`, "");
    await expect(store().open()).rejects.toThrow(`${path}.lock names no process; expected`);
  });

  test("a process of another machine is never taken for dead", async () => {
    const { path, store, spoil } = await place("r-1");
    await spoil("{}");
    await writeFile(`${path}.lock`, `1 elsewhere ${randomUUID()}\n`);
    await expect(store().open()).rejects.toThrow(/process 1 on elsewhere .* delete /);
  });

  test("a save leaves one file that only this user reads; a draft of a crash does no harm", async () => {
    const { path, store } = await place("r-1");
    const one = store();
    await one.open();
    await writeFile(`${path}.new`, "half of a st");
    await one.save(stateOf("r-1"));
    await one.close();
    expect(await readdir(join(path, ".."))).toEqual(["r-1.json"]);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ format: 1, run: "r-1" });
  });
});

/** S3 with conditional writes, by AWS' documentation. */
const memoryS3 = () => {
  let object: { readonly body: string; readonly etag: string } | undefined;
  let puts = 0;
  const refuse = (status: number): never => {
    throw Object.assign(new Error(String(status)), { $metadata: { httpStatusCode: status } });
  };
  const client = {
    getObject: async () => {
      if (object === undefined) return refuse(404);
      const { body, etag } = object;
      return { Body: { transformToString: async () => body }, ETag: etag };
    },
    putObject: async ({ Body, IfMatch, IfNoneMatch }: { Body: string; IfMatch?: string; IfNoneMatch?: string }) => {
      if (IfNoneMatch === "*" && object !== undefined) return refuse(412);
      if (IfMatch !== undefined && object === undefined) return refuse(404);
      if (IfMatch !== undefined && IfMatch !== object?.etag) return refuse(412);
      puts += 1;
      // As S3 does: equal contents have equal ETags.
      object = { body: Body, etag: `"${Body.length}-${Body.slice(-200)}"` };
      return { ETag: object.etag };
    },
  };
  return { client, puts: () => puts };
};

describe("an object of S3", () => {
  const place = async (run: string) => {
    const { client } = memoryS3();
    const spoil = async (text: string) => void (await client.putObject({ Body: text }));
    return { spoil, store: () => objectStore({ client, url: `s3://bucket/runs/${run}.json`, run }) };
  };
  keepsStates(place);
  noticesOthers(place);

  test("a write whose answer was lost, and a conflict that is over, end no run", async () => {
    const { client } = memoryS3();
    let calls = 0;
    const flaky = {
      ...client,
      putObject: async (input: Parameters<typeof client.putObject>[0]) => {
        calls += 1;
        if (calls % 2 === 0) return client.putObject(input);
        if (calls % 4 === 1) throw Object.assign(new Error("conflict"), { $metadata: { httpStatusCode: 409 } });
        // The SDK repeats a request without an answer. S3 then holds what the first attempt wrote.
        await client.putObject(input);
        return client.putObject(input);
      },
    };
    for (let opening = 0; opening < 3; opening += 1) {
      const store = objectStore({ client: flaky, url: "s3://bucket/r-1.json", run: "r-1" });
      await store.open();
      for (let save = 0; save < 5; save += 1) await store.save(stateOf("r-1"));
    }
    expect(calls).toBeGreaterThan(18);
  });

  test("that is in conflict at every attempt is taken", async () => {
    const putObject = async () => {
      throw Object.assign(new Error("conflict"), { $metadata: { httpStatusCode: 409 } });
    };
    const store = objectStore({ client: { ...memoryS3().client, putObject }, url: "s3://bucket/r.json", run: "r" });
    await expect(store.save(stateOf("r"))).rejects.toThrow(RunTakenError);
  });

  test("in a bucket that does not exist names the bucket, and no other process", async () => {
    const refuse = async (): Promise<never> => {
      throw Object.assign(new Error("404"), { name: "NoSuchBucket", $metadata: { httpStatusCode: 404 } });
    };
    const store = objectStore({ client: { getObject: refuse, putObject: refuse }, url: "s3://none/r.json", run: "r" });
    await expect(store.open()).rejects.toThrow("the bucket of s3://none/r.json does not exist");
    await expect(store.save(stateOf("r"))).rejects.toThrow(RunStateError);
  });

  test("needs a bucket and a key", () => {
    expect(() => objectStore({ client: memoryS3().client, url: "s3://bucket", run: "r" })).toThrow(RunStateError);
  });
});

describeWithMoto("an object of S3 in moto", (moto) => {
  const client = new S3({ ...moto.clientConfig, forcePathStyle: true });
  const place = async (run: string) => {
    const bucket = `runs-${randomUUID()}`;
    await client.createBucket({ Bucket: bucket });
    const Key = `${run}.json`;
    const spoil = async (text: string) => void (await client.putObject({ Bucket: bucket, Key, Body: text }));
    return { spoil, store: () => objectStore({ client, url: `s3://${bucket}/${Key}`, run }) };
  };
  keepsStates(place);
  noticesOthers(place);
});

describeWithDynamodb("an item of a table", (dynamodb) => {
  const client = new DynamoDB(dynamodb.clientConfig);
  const place = async (run: string) => {
    const table = `dedupe-${randomUUID()}`;
    await client.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
      ],
    });
    const { gzipSync } = await import("node:zlib");
    const spoil = async (text: string): Promise<void> => {
      const state = { B: gzipSync(text) };
      await client.putItem({ TableName: table, Item: { pk: { S: `run#${run}` }, sk: { S: "state" }, state } });
    };
    return { spoil, table, store: () => tableStore({ client, table, run }) };
  };
  keepsStates(place);
  noticesOthers(place);

  test("a write whose answer was lost ends no run", async () => {
    const { table } = await place("r-1");
    // The SDK repeats a request without an answer.
    const repeated = {
      getItem: client.getItem.bind(client) as RunTableClient["getItem"],
      putItem: async (input: Parameters<RunTableClient["putItem"]>[0]) => {
        await client.putItem(input);
        return client.putItem(input);
      },
    };
    for (let opening = 0; opening < 2; opening += 1) {
      const store = tableStore({ client: repeated, table, run: "r-1" });
      await store.open();
      await store.save(stateOf("r-1"));
      await store.save(stateOf("r-1"));
    }
  });

  test("an item that is no state is refused", async () => {
    const { table, store } = await place("r-1");
    const Item = { pk: { S: "run#r-1" }, sk: { S: "state" }, state: { B: Buffer.from("no gzip") } };
    await client.putItem({ TableName: table, Item });
    await expect(store().open()).rejects.toThrow(/no gzip text/);
    await client.putItem({ TableName: table, Item: { ...Item, state: { S: "x" } } });
    await expect(store().open()).rejects.toThrow(/no binary attribute state/);
  });

  test("a table with another key is refused", async () => {
    const table = `orders-${randomUUID()}`;
    await client.createTable({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    });
    const opened = tableStore({ client, table, run: "r-1" }).open();
    await expect(opened).rejects.toThrow(RunStateError);
    await expect(opened).rejects.toThrow(
      /item run#r-1 of table orders-.* expected a table with the text keys pk and sk/,
    );
  });

  test("10,000 segments fit into an item; 20,000 files do not, and the error names the way out", async () => {
    const { store } = await place("r-1");
    const segments = Array.from(
      { length: 10_000 },
      (_, segment) => ({ kind: "segment", segment, segments: 10_000 }) as const,
    );
    const one = store();
    await one.open();
    await one.save(newRun("r-1", subject, { asOf, now: startedAt, units: segments }));
    const files = Array.from(
      { length: 20_000 },
      () => ({ kind: "file", key: randomUUID(), md5: randomUUID(), items: 1 }) as const,
    );
    const save = one.save(newRun("r-1", subject, { asOf, now: startedAt, units: files }));
    await expect(save).rejects.toThrow(/20000 units; expected at most 400000: keep it in a file or in S3/);
  });
});

describe("a run is resumed", () => {
  const day = 86_400_000;

  test("with the same subject, for 14 days", () => {
    expect(() => checkResume(stateOf("r-1"), subject, startedAt + 14 * day)).not.toThrow();
  });

  test("not later", () => {
    expect(() => checkResume(stateOf("r-1"), subject, startedAt + 14 * day + 1)).toThrow(/more than 14 days ago/);
  });

  test.each([
    ["pipeline", { pipeline: "other" }],
    ["source", { source: "export s3://b/k" }],
    ["table", { tableArn: "arn:other" }],
    ["stream", { streamArn: "arn:other" }],
    ["routes", { routes: ["a"] }],
  ])("not with another %s", (name, change) => {
    expect(() => checkResume(stateOf("r-1"), { ...subject, ...change }, startedAt)).toThrow(
      new RegExp(`belongs to other work: the ${name} was `),
    );
  });

  test("not with other units", () => {
    const state = stateOf("r-1");
    const units = state.units.map(({ unit }) => unit);
    expect(() => checkUnits(state, [...units].reverse())).not.toThrow();
    expect(() => checkUnits(state, units.slice(1))).toThrow(/1 units instead of 2/);
    expect(() => checkUnits(state, [{ kind: "segment", segment: 0, segments: 3 }])).toThrow(/segment 0\/3/);
  });

  test("with a file that was replaced: it is copied from its start, and the others go on", () => {
    const files = ["a", "b"].map((key) => ({ kind: "file", key, md5: `md5 ${key}`, items: 5 }) as const);
    const state = advanced(newRun("r-1", subject, { asOf, now: startedAt, units: files }));
    expect(checkUnits(state, files)).toEqual(state);
    const replaced = files.map((file) => (file.key === "a" ? { ...file, md5: "other" } : file));
    const [first, second] = checkUnits(state, replaced).units;
    expect(first).toEqual({ unit: replaced[0], counts: noCounts, isDone: false });
    expect(second).toEqual(state.units[1]);
  });
});
