import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { everything, keys, nothingAllowed, notingHost, queueUrl, testApp } from "./server-host.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const { host, calls } = notingHost();
const server = testApp(host);

afterAll(server.end);

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

const errorOf = async (answer: Response): Promise<ErrorBody["error"]> => ((await answer.json()) as ErrorBody).error;

const secret = "a-secret-value";
const valid = {
  "/api/item": { pipeline: "orders", keys },
  "/api/item/values": { pipeline: "orders", keys },
  "/api/dead-letters/show": { queueUrl, id: "m-1" },
  "/api/dead-letters/edit": { queueUrl, id: "m-1", newImage: { ...keys, total: { N: "1" } } },
  "/api/dead-letters/export": { queueUrl, ids: ["m-1"] },
  "/api/dead-letters/drop": { queueUrl, ids: ["m-1"] },
  "/api/doctor": {},
} as const;
const paths = Object.keys(valid) as (keyof typeof valid)[];

describe("a right request", () => {
  test.each([
    ["/api/item", "item", [valid["/api/item"]]],
    ["/api/item/values", "itemValues", [valid["/api/item/values"]]],
    ["/api/dead-letters/show", "deadLetter", [queueUrl, "m-1"]],
    ["/api/dead-letters/edit", "editDeadLetter", [valid["/api/dead-letters/edit"]]],
    ["/api/dead-letters/export", "exportDeadLetters", [valid["/api/dead-letters/export"]]],
    ["/api/dead-letters/drop", "dropDeadLetters", [valid["/api/dead-letters/drop"]]],
    ["/api/doctor", "doctor", []],
  ] as const)("%s asks the host for %s", async (path, name, given) => {
    const answer = await server.post(path, valid[path]);
    expect(answer.status).toBe(200);
    const call = calls.at(-1);
    expect(call?.name).toBe(name);
    expect(call?.given.slice(0, -1)).toEqual(given);
    expect(call?.given.at(-1)).toBeInstanceOf(AbortSignal);
  });

  test("for dead letters lists one queue", async () => {
    const answer = await server.get(`/api/dead-letters?queue=${encodeURIComponent(queueUrl)}`);
    expect(await answer.json()).toMatchObject({ queueUrl, rows: [{ id: "m-1" }] });
  });

  test("for an export answers lines of JSON", async () => {
    const answer = await server.post("/api/dead-letters/export", valid["/api/dead-letters/export"]);
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    expect(await answer.text()).toBe('{"a":1}\n{"a":2}\n');
  });

  test("for a run starts it, and its control is one more request", async () => {
    const waiting = notingHost({ run: () => new Promise(() => {}) });
    const other = testApp(waiting.host);
    const input = { kind: "backfill", pipeline: "orders", routes: ["rows"], itemsPerSecond: 0.5 };
    const run = (await (await other.post("/api/runs", input)).json()) as { readonly id: string };
    expect(run).toMatchObject({ state: "running", input, command: "sluice backfill orders.ts" });
    expect(await (await other.get("/api/runs")).json()).toMatchObject([{ id: run.id }]);
    const paused = await other.post(`/api/runs/${run.id}/pause`, "");
    expect(await paused.json()).toMatchObject({ state: "pausing" });
    expect(await (await other.post(`/api/runs/${run.id}/cancel`, {})).json()).toMatchObject({ state: "cancelling" });
    const resumed = await other.post(`/api/runs/${run.id}/resume`, {});
    expect([resumed.status, (await errorOf(resumed)).code]).toEqual([409, "RUN_STATE"]);
    const second = await other.post("/api/runs", input);
    expect([second.status, (await errorOf(second)).code]).toEqual([409, "RUN_EXISTS"]);
    expect((await other.post("/api/runs/none/pause", {})).status).toBe(404);
    other.end();
  });
});

describe("a wrong request", () => {
  const wrong: readonly (readonly [string, string, unknown, string])[] = [
    ["no JSON", "/api/item", `{"${secret}`, "body: expected JSON"],
    ["nothing", "/api/item", "", "body: expected an object; found nothing"],
    ["null", "/api/item", null, "body: expected an object; found null"],
    ["a list", "/api/item", [valid["/api/item"]], "body: expected an object; found a list"],
    ["a text", "/api/item", `"${secret}"`, "body: expected an object; found a text"],
    ["another member", "/api/item", { ...valid["/api/item"], [secret]: 1 }, "body: expected no members but pipeline"],
    [
      "__proto__",
      "/api/item",
      '{"__proto__":{"pipeline":"orders","keys":{"id":{"S":"o"}}}}',
      "body: expected no members",
    ],
    ["constructor", "/api/item", '{"constructor":{"prototype":{}}}', "body: expected no members but"],
    ["no pipeline", "/api/item", { keys }, "pipeline: expected a text"],
    ["a list of pipelines", "/api/item", { pipeline: ["orders"], keys }, "pipeline: expected a text"],
    ["an empty pipeline", "/api/item", { pipeline: "", keys }, "pipeline: expected a text of 1 to 200 characters"],
    ["a long pipeline", "/api/item", { pipeline: "x".repeat(201), keys }, "found 201 characters"],
    ["no keys", "/api/item", { pipeline: "orders", keys: {} }, "keys: expected one or two key attributes"],
    ["three keys", "/api/item", { pipeline: "orders", keys: { a: { S: "" }, b: { S: "" }, c: { S: "" } } }, "keys:"],
    ["keys as a text", "/api/item", { pipeline: "orders", keys: secret }, "keys: expected"],
    ["a bool key", "/api/item", { pipeline: "orders", keys: { id: { BOOL: true } } }, "keys: expected"],
    ["two types", "/api/item", { pipeline: "orders", keys: { id: { S: "a", N: "1" } } }, "keys: expected"],
    ["a plain value", "/api/item", { pipeline: "orders", keys: { id: secret } }, "keys: expected"],
    [
      "another key",
      "/api/item",
      { pipeline: "orders", keys: { [secret]: { S: "a" } } },
      "keys: expected the attributes id",
    ],
    ["ids as a text", "/api/dead-letters/drop", { queueUrl, ids: secret }, "ids: expected a list"],
    ["ids as an object", "/api/dead-letters/drop", { queueUrl, ids: { length: 1, 0: "m" } }, "ids: expected a list"],
    ["no ids", "/api/dead-letters/drop", { queueUrl, ids: [] }, "ids: expected a list of 1 to"],
    ["a wrong id", "/api/dead-letters/drop", { queueUrl, ids: ["m", 1] }, "ids[1]: expected a text"],
    ["an item that is none", "/api/dead-letters/edit", { queueUrl, id: "m", newImage: { id: secret } }, "newImage:"],
    ["an item without", "/api/dead-letters/edit", { queueUrl, id: "m", newImage: {} }, "newImage: expected attributes"],
    ["an empty set", "/api/dead-letters/edit", { queueUrl, id: "m", newImage: { s: { SS: [] } } }, "newImage:"],
    ["no kind", "/api/runs", { pipeline: "orders" }, "kind: expected one of backfill, verify, redrive"],
    ["a wrong kind", "/api/runs", { kind: secret, pipeline: "orders" }, "kind: expected one of"],
    ["__proto__ as kind", "/api/runs", { kind: "__proto__", pipeline: "orders" }, "kind: expected one of"],
    [
      "a sample of 2",
      "/api/runs",
      { kind: "verify", pipeline: "orders", sample: 2 },
      "sample: expected a number above 0",
    ],
    ["a sample of 0", "/api/runs", { kind: "verify", pipeline: "orders", sample: 0 }, "sample: expected"],
    ["another kind's member", "/api/runs", { kind: "verify", pipeline: "orders", ids: ["m"] }, "no members but kind"],
    ["a huge rate", "/api/runs", '{"kind":"backfill","pipeline":"orders","itemsPerSecond":1e999}', "itemsPerSecond"],
    [
      "a text as bool",
      "/api/runs",
      { kind: "backfill", pipeline: "orders", isDryRun: "yes" },
      "isDryRun: expected true",
    ],
    ["members for the doctor", "/api/doctor", { [secret]: 1 }, "body: expected no members"],
  ];

  test.each(wrong)("%s, at %s, is named by what was found and expected", async (_, path, body, message) => {
    const before = calls.length;
    const answer = await server.post(path, body);
    const error = await errorOf(answer);
    expect([answer.status, error.code]).toEqual([400, "INPUT_INVALID"]);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(secret);
    expect(calls).toHaveLength(before);
    expect(({} as { readonly pipeline?: unknown }).pipeline).toBeUndefined();
  });

  test.each([
    ["/api/item", { pipeline: "users", keys }],
    ["/api/dead-letters/show", { queueUrl: `${queueUrl}-other`, id: "m-1" }],
    ["/api/dead-letters/drop", { queueUrl: "http://169.254.169.254/latest", ids: ["m-1"] }],
    ["/api/dead-letters/export", { queueUrl: "file:///etc/passwd", ids: ["m-1"] }],
    ["/api/runs", { kind: "backfill", pipeline: "users" }],
    ["/api/runs", { kind: "backfill", pipeline: "orders", routes: ["rows", "none"] }],
    ["/api/runs", { kind: "redrive", pipeline: "orders", queueUrl: "http://example.com/q" }],
    ["/api/runs/none/cancel", {}],
  ])("%s, about something that the console does not have, finds nothing", async (path, body) => {
    const before = calls.length;
    const answer = await server.post(path, body);
    expect([answer.status, (await errorOf(answer)).code]).toEqual([404, "SUBJECT_UNKNOWN"]);
    expect(calls).toHaveLength(before);
  });

  test("is a query with a wrong, another or a second parameter", async () => {
    const queries = [
      "limit=0",
      "limit=501",
      "limit=1e2",
      "limit=-1",
      "limit=01",
      "limit=99999999999999999999",
      "before=x",
      "outcome=__proto__",
      "outcome=delivered&outcome=rejected",
      "kind=constructor",
      "none=1",
      "__proto__=1",
      `key=${"k".repeat(5_001)}`,
      `token=${secret}`,
    ];
    for (const query of queries) {
      for (const path of ["/api/changes", "/api/live"]) {
        const answer = await server.get(`${path}?${query}`);
        const error = await errorOf(answer);
        expect([path, query, answer.status, error.code]).toEqual([path, query, 400, "INPUT_INVALID"]);
        expect(error.message).not.toContain(secret);
      }
    }
    for (const path of [
      "/api/about?a=1",
      "/api/overview?a=1",
      "/api/runs?a=1",
      "/api/dead-letters",
      "/api/dead-letters?queue=",
    ]) {
      expect([path, (await server.get(path)).status]).toEqual([path, 400]);
    }
  });

  test("is one that is too long, whether its length is known or not", async () => {
    const item = (bytes: number): string =>
      JSON.stringify({ queueUrl, id: "m", newImage: { id: { S: "x".repeat(bytes) } } });
    expect((await server.post("/api/dead-letters/edit", item(3_900_000))).status).toBe(200);
    expect((await server.post("/api/dead-letters/edit", item(4_200_000))).status).toBe(413);
    const long = await server.post("/api/item", " ".repeat(1_048_577));
    expect([long.status, (await errorOf(long)).code]).toEqual([413, "BODY_TOO_LARGE"]);
  });

  test("may have an item as deep as DynamoDB permits, and no deeper", async () => {
    const nested = (depth: number): unknown => (depth === 1 ? { S: "x" } : { M: { a: nested(depth - 1) } });
    const edit = (depth: number) => ({ queueUrl, id: "m", newImage: { a: nested(depth) } });
    expect((await server.post("/api/dead-letters/edit", edit(32))).status).toBe(200);
    expect((await server.post("/api/dead-letters/edit", edit(33))).status).toBe(400);
    const bomb = `{"queueUrl":"${queueUrl}","id":"m","newImage":{"a":${'{"L":['.repeat(100_000)}${"]}".repeat(100_000)}}}`;
    expect((await server.post("/api/dead-letters/edit", bomb)).status).toBe(400);
  });

  test("may have attributes of any name", async () => {
    const body = `{"queueUrl":"${queueUrl}","id":"m","newImage":{"__proto__":{"S":"x"},"constructor":{"S":"y"}}}`;
    expect((await server.post("/api/dead-letters/edit", body)).status).toBe(200);
    const [edit] = (calls.at(-1)?.given ?? []) as readonly { readonly newImage: object }[];
    expect(Object.keys(edit?.newImage ?? {})).toEqual(["__proto__", "constructor"]);
  });
});

test("another method or address is refused", async () => {
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
    const headers = { host: "127.0.0.1:4983", "x-sluice-token": "t".repeat(43) };
    const answer = await server.app.request("/api/about", { method, headers });
    expect([method, answer.status]).toEqual([method, 405]);
  }
  expect((await server.get("/api/item")).status).toBe(404);
  expect((await server.post("/api/about", {})).status).toBe(404);
  expect((await server.post("/changes", {})).status).toBe(405);
});

test(`no body, however odd, is answered with an unexpected error, seed ${seed}`, async () => {
  const odd = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom(...paths).chain((path) => {
      const members = valid[path];
      const names = fc.constantFrom(...Object.keys(members), "__proto__", "length");
      return fc.tuple(names, fc.jsonValue()).map(([name, value]) => JSON.stringify({ ...members, [name]: value }));
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths, "/api/runs"), odd, async (path, body) => {
      const { status } = await server.post(path, body);
      expect([200, 400, 404, 409]).toContain(status);
      expect(server.errors).toEqual([]);
    }),
    { seed, numRuns: 1_000 },
  );
});

describe("an action that the console may not do", () => {
  const denied = notingHost({}, nothingAllowed);
  const readOnly = testApp(denied.host);
  afterAll(readOnly.end);

  test.each([
    ["/api/item", valid["/api/item"]],
    ["/api/item/values", valid["/api/item"]],
    ["/api/dead-letters/edit", valid["/api/dead-letters/edit"]],
    ["/api/dead-letters/drop", valid["/api/dead-letters/drop"]],
    ["/api/runs", { kind: "backfill", pipeline: "orders" }],
    ["/api/runs", { kind: "verify", pipeline: "orders" }],
    ["/api/runs", { kind: "redrive", pipeline: "orders", queueUrl }],
    ["/api/doctor", {}],
  ])("is refused at %s by the server, too", async (path, body) => {
    const answer = await readOnly.post(path, body);
    expect([answer.status, (await errorOf(answer)).code]).toEqual([403, "ACTION_UNAVAILABLE"]);
    expect(denied.calls).toEqual([]);
  });

  test("is a repair, if deliveries may not be sent", async () => {
    const partly = notingHost({ run: () => new Promise(() => {}) }, { ...everything, redrive: false });
    const other = testApp(partly.host);
    const verify = { kind: "verify", pipeline: "orders" };
    expect((await other.post("/api/runs", { ...verify, repairs: true })).status).toBe(403);
    expect((await other.post("/api/runs", { kind: "redrive", pipeline: "orders", queueUrl })).status).toBe(403);
    expect((await other.post("/api/runs", verify)).status).toBe(200);
    other.end();
  });

  test("is a run that goes on after the pipeline changed, and what it may with it", async () => {
    let can = everything;
    const changing = notingHost({ run: async () => undefined });
    const base = changing.host.about();
    const other = testApp({ ...changing.host, about: () => ({ ...base, can }) });
    const started = await other.post("/api/runs", { kind: "backfill", pipeline: "orders" });
    const { id } = (await started.json()) as { readonly id: string };
    can = nothingAllowed;
    expect((await other.post(`/api/runs/${id}/resume`, {})).status).toBe(403);
    expect((await other.post(`/api/runs/${id}/cancel`, {})).status).toBe(200);
    other.end();
  });

  test("is the list of changes, if the console sees none", async () => {
    expect((await readOnly.get("/api/changes")).status).toBe(403);
  });
});

describe("an error of the host", () => {
  const named = (name: string, code?: string) =>
    Object.assign(new Error("the table was not found"), { name }, code === undefined ? {} : { code });
  const failing = (error: unknown) => testApp({ ...host, item: () => Promise.reject(error) });

  test.each([
    [named("CommandError"), 422, "COMMAND_FAILED"],
    [named("ConfigError", "CONFIG_INVALID"), 422, "CONFIG_INVALID"],
    [named("RecordError", "RECORD_MISMATCH"), 422, "RECORD_MISMATCH"],
    [named("SinkError", "SINK_UNAVAILABLE"), 502, "SINK_UNAVAILABLE"],
    [named("DeadlineError", "DEADLINE_EXCEEDED"), 502, "DEADLINE_EXCEEDED"],
  ])("that Sluice raised is for people: %s", async (error, status, code) => {
    const other = failing(error);
    const answer = await other.post("/api/item", valid["/api/item"]);
    expect([answer.status, await errorOf(answer)]).toEqual([status, { code, message: "the table was not found" }]);
    expect(other.errors).toEqual([]);
    other.end();
  });

  test.each([
    new TypeError(secret),
    Object.assign(new Error(secret), { code: "ECONNREFUSED" }),
    Object.assign(new Error(secret), { code: { toString: () => "SINK_" } }),
    secret,
    undefined,
  ])("that was not expected reaches the log, and tells the page nothing: %p", async (error) => {
    const other = failing(error);
    const answer = await other.post("/api/item", valid["/api/item"]);
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).toContain('"code":"INTERNAL"');
    expect(text).not.toMatch(/a-secret-value|\.ts:|at /);
    expect(other.errors).toEqual([error]);
    other.end();
  });
});

describe("an action with a key", () => {
  const drop = valid["/api/dead-letters/drop"];
  const header = { "idempotency-key": "one-click-1" };
  const drops = (): number => calls.filter(({ name }) => name === "dropDeadLetters").length;

  test("is done once, and answered each time", async () => {
    const before = drops();
    const answers = await Promise.all([1, 2, 3].map(() => server.post("/api/dead-letters/drop", drop, header)));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(texts)).toEqual(new Set(['{"dropped":1,"left":0,"file":"dropped.ndjson"}']));
    expect(drops()).toBe(before + 1);
  });

  test("is refused for another body or another action", async () => {
    const other = await server.post("/api/dead-letters/drop", { ...drop, ids: ["m-2"] }, header);
    expect([other.status, (await errorOf(other)).code]).toEqual([409, "KEY_REUSED"]);
    expect((await server.post("/api/dead-letters/edit", valid["/api/dead-letters/edit"], header)).status).toBe(409);
  });

  test("is refused without one", async () => {
    const before = drops();
    expect((await server.post("/api/dead-letters/drop", drop, { "idempotency-key": "" })).status).toBe(400);
    expect(drops()).toBe(before);
  });

  test("that fails fails once", async () => {
    let tries = 0;
    const failing = testApp({
      ...host,
      dropDeadLetters: async () => {
        tries += 1;
        throw Object.assign(new Error("denied"), { name: "CommandError" });
      },
    });
    const answers = [await failing.post("/api/dead-letters/drop", drop, header)];
    answers.push(await failing.post("/api/dead-letters/drop", drop, header));
    expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    expect(tries).toBe(1);
    failing.end();
  });

  test("is not needed to read, and values of items are not kept for a repeat", async () => {
    const before = calls.length;
    const read = (): Promise<Response> =>
      server.post("/api/item/values", valid["/api/item"], { "idempotency-key": "the-same-key" });
    expect([(await read()).status, (await read()).status]).toEqual([200, 200]);
    expect(calls).toHaveLength(before + 2);
  });
});
