// `sluice backfill --export` from S3 in moto, without --table: the table is known from the export. The state is in S3, too.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startEngines } from "@sluice/local";
import { toImage, type WrittenExport, writeExport } from "@sluice/testing";
import { runSluice } from "../support/sluice.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ dynamodb: true, moto: true }),
);

/** A pipeline whose sink adds the ids of the items that it writes to a file. */
const moduleText = `
  import { appendFileSync } from "node:fs";
  import { pipeline } from "@sluice/core";
  const write = async (batch) => {
    appendFileSync("written", batch.map(({ message }) => message.id + "\\n").join(""));
    return batch.map((delivery) => ({ delivery, outcome: "delivered" }));
  };
  const dryRun = async (batch) => batch.map((delivery) => ({ delivery, outcome: "delivered" }));
  export const orders = pipeline("orders", { onReject: "block" })
    .to({ name: "file", supports: { writes: "upsert" }, write, dryRun }, ({ after }) => after);
`;

describeWithEngines("sluice backfill --export", (engines) => {
  const dynamodb = new DynamoDB(engines.dynamodb.clientConfig);
  const s3 = new S3({ ...engines.moto.clientConfig, forcePathStyle: true });
  const items = Array.from({ length: 50 }, (_, index) => toImage({ id: `o-${index}` }));
  let tables = 0;

  const upload = async ({ bucket, objects }: WrittenExport): Promise<void> => {
    await s3.createBucket({ Bucket: bucket });
    for (const [Key, Body] of objects) await s3.putObject({ Bucket: bucket, Key, Body });
  };

  const openShop = async () => {
    tables += 1;
    const TableName = `exported-${tables}`;
    const { TableDescription } = await dynamodb.createTable({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
    });
    const folder = await mkdtemp(join(tmpdir(), "sluice-export-"));
    const module = join(import.meta.dirname, `orders-${process.pid}-${tables}.mjs`);
    await writeFile(module, moduleText);
    const env = {
      AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint,
      AWS_ENDPOINT_URL_S3: engines.moto.endpoint,
    };
    return {
      tableArn: TableDescription?.TableArn ?? "",
      bucket: `exports-${tables}`,
      run: (...args: string[]) => runSluice(["backfill", module, ...args], { env, cwd: folder }),
      written: async () => (await readFile(join(folder, "written"), "utf8")).trimEnd().split("\n").sort(),
      close: async (): Promise<void> => {
        await rm(module);
        await rm(folder, { recursive: true });
      },
    };
  };

  /** A second after the stream was created. */
  const exportTime = (): string => new Date(Date.now() + 1_000).toISOString();

  test("copies every file, and keeps its state in S3", async () => {
    const { tableArn, bucket, run, written, close } = await openShop();
    const files = writeExport({ items, tableArn, bucket, files: 3, emptyFiles: 2, exportTime: exportTime() });
    await upload(files);
    const args = ["--export", files.manifest, "--run", "one", "--state", `s3://${bucket}/runs`];
    const { code, stdout } = await run(...args);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("50 items = 50 delivered") });
    expect(await written()).toEqual(items.map(({ id }) => (id as { S: string }).S).sort());
    const { Body } = await s3.getObject({ Bucket: bucket, Key: "runs/one.json" });
    expect(JSON.parse((await Body?.transformToString()) ?? "")).toMatchObject({
      run: "one",
      source: `export ${files.manifest}`,
    });
    expect((await run(...args)).stdout).toContain("was done before");
    const lost = await run("--export", files.manifest, "--state", "s3://absent-bucket/runs");
    expect(lost.stderr).toMatch(/the bucket of s3:\/\/absent-bucket\/\S+ does not exist/);
    await close();
  });

  test("of another table, of before the stream, or broken is refused, or ends with what to do", async () => {
    const { tableArn, bucket, run, close } = await openShop();
    const refused = async (files: WrittenExport, message: RegExp, code: number = 2): Promise<void> => {
      await upload(files);
      const ended = await run("--export", files.manifest);
      expect(ended).toMatchObject({ code });
      expect(ended.stdout + ended.stderr).toMatch(message);
    };
    const early = writeExport({ items, tableArn, bucket: `${bucket}-a`, exportTime: "2020-01-01T00:00:00Z" });
    await refused(early, /the export is of 2020-01-01T00:00:00.000Z, before the table's stream began/);
    const none = `${tableArn.slice(0, tableArn.lastIndexOf("/"))}/absent`;
    await refused(
      writeExport({ items, tableArn: none, bucket: `${bucket}-b` }),
      /sluice: the table absent: ResourceNotFound/,
    );
    const lost = writeExport({ items, tableArn, bucket: `${bucket}-c`, files: 3, exportTime: exportTime() });
    const objects = new Map([...lost.objects].filter(([key]) => key !== lost.dataKeys.at(-1)));
    await refused({ ...lost, objects }, /resume: npx sluice backfill .* --export /, 1);
    await close();
  });

  test("that is no export is refused", async () => {
    const { bucket, run, close } = await openShop();
    await s3.createBucket({ Bucket: bucket });
    await s3.putObject({ Bucket: bucket, Key: "x.json", Body: "{}" });
    expect(await run("--export", `s3://${bucket}/x.json`)).toMatchObject({ code: 2, stdout: "" });
    const { code, stderr } = await run("--export", `s3://${bucket}/absent.json`);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^sluice: .*absent\.json/) });
    // The message says what to do; the user needs no stack.
    expect(stderr).not.toContain("--verbose");
    await close();
  });
});
