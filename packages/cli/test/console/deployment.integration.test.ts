// `sluice console` as a process, for a function that really runs on ministack.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { About, DeadLetterPage, Overview } from "@sluice/console";
import { encodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startMinistack } from "@sluice/local";
import { streamRecord } from "@sluice/testing";
import { build } from "esbuild";
import { createDeployment, secrets, type TestDeployment } from "../../../inspect/test/support/deployment.ts";
import { zipOf } from "../../../workflow/test/backfill/zip.ts";
import { consolePolicy } from "../../src/console/policy.ts";
import { deadLetterOf } from "../support/dead-letters.ts";
import { type ConsolePage, openConsole } from "./page.ts";
import { type Recorder, startRecorder } from "./recorder.ts";

const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack());

const modulePath = fileURLToPath(new URL("./orders.ts", import.meta.url));

const bundled = async (): Promise<Uint8Array> => {
  const { outputFiles } = await build({
    entryPoints: [modulePath],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    write: false,
    logLevel: "silent",
  });
  return zipOf("index.js", outputFiles[0]?.contents ?? new Uint8Array());
};

/** Credentials of the command, which no answer may have. */
const credentials = { AWS_ACCESS_KEY_ID: "AKIACANARY", AWS_SECRET_ACCESS_KEY: "canary-secret-key" };

const canaries = [...Object.values(secrets), credentials.AWS_SECRET_ACCESS_KEY, credentials.AWS_ACCESS_KEY_ID];

describeWithMinistack("sluice console --function", (ministack) => {
  let deployment: TestDeployment;
  let recorder: Recorder;
  let target: string;
  let folder: string;
  let page: ConsolePage | undefined;

  beforeAll(async () => {
    deployment = await createDeployment(ministack);
    recorder = await startRecorder(ministack.endpoint);
    folder = await mkdtemp(join(tmpdir(), "sluice-console-"));
    const { lambda, dynamodb } = deployment.clients;
    const { functionName, deadLetterQueueUrl } = deployment;
    target = `${functionName}-copies`;
    await dynamodb.createTable({
      TableName: target,
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      BillingMode: "PAY_PER_REQUEST",
    });
    await lambda.updateFunctionCode({ FunctionName: functionName, ZipFile: await bundled() });
    await lambda.updateFunctionConfiguration({
      FunctionName: functionName,
      Environment: { Variables: { ...secrets, DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl, TARGET_TABLE: target } },
    });
  });
  afterEach(async () => {
    page?.child.kill("SIGKILL");
    page = undefined;
    const { sqs } = deployment.clients;
    await sqs.purgeQueue({ QueueUrl: deployment.deadLetterQueueUrl });
    recorder.denied.clear();
    recorder.actions.clear();
  });
  afterAll(async () => {
    deployment?.close();
    await recorder?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = async (...args: readonly string[]): Promise<ConsolePage> => {
    const { functionName } = deployment;
    page = await openConsole(
      [...args, "--function", functionName, "--region", "us-east-1", "--endpoint-url", recorder.endpoint],
      { cwd: folder, env: { ...credentials, AWS_ENDPOINT_URL: recorder.endpoint, TARGET_TABLE: target } },
    );
    return page;
  };

  const sendDeadLetter = async (pk: string, position = 1): Promise<string> => {
    const after = { pk, note: `canary of ${pk}` };
    const record = streamRecord({ after, keyNames: ["pk"], position });
    const envelope = deadLetterOf(pk, position, { pipeline: "orders", sink: "copies", record });
    const { sqs } = deployment.clients;
    await sqs.sendMessage({ QueueUrl: deployment.deadLetterQueueUrl, MessageBody: encodeEnvelope(envelope) });
    return envelope.id;
  };

  const copyOf = async (pk: string): Promise<string | undefined> => {
    const { Item } = await deployment.clients.dynamodb.getItem({ TableName: target, Key: { pk: { S: pk } } });
    return Item?.note?.S;
  };

  const waiting = async (): Promise<number> => {
    const { Attributes } = await deployment.clients.sqs.getQueueAttributes({
      QueueUrl: deployment.deadLetterQueueUrl,
      AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    });
    return Object.values(Attributes ?? {}).reduce((sum, count) => sum + Number(count), 0);
  };

  const deadLetters = async (from: ConsolePage): Promise<{ readonly url: string; readonly page: DeadLetterPage }> => {
    const { queues } = (await from.get("/api/about")).body as About;
    const { url = "" } = queues.find(({ kind }) => kind === "dead letters") ?? {};
    const { body } = await from.get(`/api/dead-letters?queue=${encodeURIComponent(url)}`);
    return { url, page: body as DeadLetterPage };
  };

  test("shows the function, its table, its queues, and lines that reach them; no value of a variable", async () => {
    const opened = await open();
    const about = (await opened.get("/api/about")).body as About;
    const { functionName, tableName } = deployment;
    expect(about).toMatchObject({
      mode: "deployment",
      title: functionName,
      hidesKeys: true,
      pipelines: [{ name: functionName, table: tableName, keyNames: ["pk"], routes: [] }],
      can: {
        changes: false,
        item: false,
        redrive: true,
        editDeadLetter: false,
        dropDeadLetters: false,
        runs: ["redrive"],
        onlyCompares: true,
        doctor: true,
      },
    });
    expect(about.queues.map(({ kind, name }) => [kind, name])).toEqual([
      ["dead letters", `${functionName}-dead`],
      ["retry queue", `${functionName}-retry`],
    ]);
    const lines = about.engines.flatMap((engine) => engine.lines.map(({ command }) => command));
    const given = `--region us-east-1 --endpoint-url ${recorder.endpoint}`;
    expect(lines).toContain(`aws logs tail /aws/lambda/${functionName} --since 1h --follow ${given}`);
    expect(lines).toContain(`sluice doctor --function ${functionName} ${given}`);
    expect(about.engines).toContainEqual(expect.objectContaining({ address: `s3://${functionName}-on-failure` }));
    const { problems, queues } = (await opened.get("/api/overview")).body as Overview;
    expect(problems).toEqual([expect.stringContaining("SLUICE_METRICS=emf")]);
    expect(queues).toHaveLength(2);
    for (const canary of canaries) expect(opened.texts()).not.toContain(canary);
    expect(await opened.stop()).toBe(0);
  });

  test("redrives dead letters by the function, which delivers them; then they are gone", async () => {
    const ids = [await sendDeadLetter("a"), await sendDeadLetter("b", 2)];
    const opened = await open();
    const listed = await deadLetters(opened);
    expect(listed.page.rows.map(({ id, route, pipeline }) => [id, route, pipeline])).toEqual(
      ids.map((id) => [id, "copies", "orders"]),
    );
    const input = { kind: "redrive", pipeline: deployment.functionName, queueUrl: listed.url };
    const dry = await opened.run({ ...input, ids: [ids[0]], isDryRun: true });
    expect(dry).toMatchObject({ state: "done", result: { deadLetters: [{ id: ids[0], stays: true }] } });
    expect(await copyOf("a")).toBeUndefined();
    const first = await opened.run({ ...input, ids: [ids[0]] });
    expect(first).toMatchObject({ state: "done", result: { deadLetters: [{ id: ids[0], stays: false }] } });
    expect([await copyOf("a"), await copyOf("b"), await waiting()]).toEqual(["canary of a", undefined, 1]);
    await opened.run(input);
    expect([await copyOf("b"), await waiting()]).toEqual(["canary of b", 0]);
    // No request asked for values.
    for (const canary of [...canaries, "canary of"]) expect(opened.texts()).not.toContain(canary);
    expect(await opened.stop()).toBe(0);
  });

  /** What each start may do, besides looking. */
  const starts = [
    { args: ["--read-only"], may: [] },
    { args: [], may: ["redrive"] },
    { args: ["--write"], may: ["redrive", "drop", "edit"] },
  ] as const;

  test.each(starts)("sluice console $args may $may, and nothing else", async ({ args, may }) => {
    const ids = [await sendDeadLetter("c", 3), await sendDeadLetter("d", 4)];
    const opened = await open(...args);
    const { url } = await deadLetters(opened);
    const pipeline = deployment.functionName;
    const newImage = { pk: { S: "c" }, note: { S: "edited" } };
    const requests = {
      redrive: ["/api/runs", { kind: "redrive", pipeline, queueUrl: url, isDryRun: true }],
      edit: ["/api/dead-letters/edit", { queueUrl: url, id: ids[0], newImage }],
      drop: ["/api/dead-letters/drop", { queueUrl: url, ids: [ids[1]] }],
      backfill: ["/api/runs", { kind: "backfill", pipeline }],
      repair: ["/api/runs", { kind: "verify", pipeline, repairs: true }],
    } as const;
    const allowed: string[] = [];
    for (const [name, [path, body]] of Object.entries(requests)) {
      const { status } = await opened.post(path, body);
      if (status === 403) continue;
      expect({ name, status }).toEqual({ name, status: 200 });
      allowed.push(name);
      // A run has the messages in flight.
      await opened.idle();
    }
    expect(allowed.sort()).toEqual([...may].sort());
    if (!may.some((name) => name === "drop")) {
      expect(await waiting()).toBe(2);
      return;
    }
    expect([await copyOf("c"), await copyOf("d"), await waiting()]).toEqual(["edited", undefined, 0]);
    const [file = ""] = (await readdir(folder)).filter((name) => name.endsWith(".jsonl"));
    expect(await readFile(join(folder, file), "utf8")).toContain("canary of d");
  });

  test("asks for no right beyond the policy that it prints", async () => {
    await sendDeadLetter("e", 5);
    const opened = await open();
    const { url } = await deadLetters(opened);
    await opened.get("/api/overview");
    await opened.run({ kind: "redrive", pipeline: deployment.functionName, queueUrl: url });
    await opened.post("/api/doctor");
    const { Statement } = consolePolicy({ rights: "redrive", hasModule: false, payloadStore: undefined }) as {
      readonly Statement: readonly { readonly Action: readonly string[] }[];
    };
    const policy = Statement.flatMap(({ Action }) => Action);
    // SQS counts the batch forms as the single ones.
    const asked = [...recorder.actions].map((action) => action.replace(/^(sqs:\w+)Batch$/, "$1"));
    expect(asked.filter((action) => !policy.includes(action))).toEqual([]);
    expect(asked).toEqual(
      expect.arrayContaining(["lambda:InvokeFunction", "sqs:DeleteMessage", "cloudwatch:ListMetrics"]),
    );
  });

  test("with the module: one item, its values after a click, a verification that only compares, the doctor", async () => {
    const { dynamodb } = deployment.clients;
    const pk = "customer-canary@example.com";
    await dynamodb.putItem({ TableName: deployment.tableName, Item: { pk: { S: pk }, note: { S: "value-canary" } } });
    const opened = await open(modulePath);
    const about = (await opened.get("/api/about")).body as About;
    expect(about.pipelines).toEqual([
      {
        name: "orders",
        table: deployment.tableName,
        keyNames: ["pk"],
        routes: [{ name: "copies", sink: "copies", writes: "upsert", isReadable: true }],
      },
    ]);
    expect(about.can).toMatchObject({ item: true, runs: ["redrive", "verify"], onlyCompares: true });
    const question = { pipeline: "orders", keys: { pk: { S: pk } } };
    const item = await opened.post("/api/item", question);
    expect(item).toMatchObject({ status: 200, body: { trace: { conclusions: [expect.anything()] } } });
    expect(opened.texts()).not.toContain("value-canary");
    expect((await opened.post("/api/item/values", question)).body).toMatchObject({
      item: { note: { S: "value-canary" } },
    });
    const before = opened.texts().length;
    expect((await opened.post("/api/runs", { kind: "verify", pipeline: "orders", repairs: true })).status).toBe(403);
    const verified = await opened.run({ kind: "verify", pipeline: "orders", graceSeconds: 1 });
    expect(verified).toMatchObject({ state: "done", input: { kind: "verify" } });
    const doctor = await opened.post("/api/doctor");
    expect(doctor).toMatchObject({ status: 200, body: { subject: deployment.functionName } });
    for (const canary of [...canaries, "value-canary"]) expect(opened.texts().slice(before)).not.toContain(canary);
    const { Statement } = consolePolicy({ rights: "redrive", hasModule: true, payloadStore: undefined }) as {
      readonly Statement: readonly { readonly Action: readonly string[] }[];
    };
    const policy = Statement.flatMap(({ Action }) => Action);
    const asked = [...recorder.actions].map((action) => action.replace(/^(sqs:\w+)Batch$/, "$1"));
    expect(asked.filter((action) => !policy.includes(action))).toEqual([]);
    expect(asked).toEqual(expect.arrayContaining(["dynamodb:Scan", "dynamodb:GetItem", "logs:FilterLogEvents"]));
    expect(await opened.stop()).toBe(0);
  }, 180_000);

  test("starts without a right, and says which one is missing", async () => {
    for (const action of [
      "lambda:GetFunctionConfiguration",
      "lambda:ListEventSourceMappings",
      "cloudwatch:GetMetricData",
    ])
      recorder.denied.add(action);
    const { deadLetterQueueUrl } = deployment;
    const opened = await open("--dead-letters", deadLetterQueueUrl);
    const { problems } = (await opened.get("/api/overview")).body as Overview;
    for (const action of recorder.denied)
      expect(problems.join("\n")).toContain(`${action} was answered with AccessDenied`);
    const { queues } = (await opened.get("/api/about")).body as About;
    expect(queues).toEqual([expect.objectContaining({ kind: "dead letters", url: deadLetterQueueUrl })]);
  });
});
