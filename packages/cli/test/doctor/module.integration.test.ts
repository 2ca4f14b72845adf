// `sluice doctor` with the pipeline's module, as a process: the project of the module, its routes, and a verify.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DoctorReport } from "@sluice/inspect";
import { engineOrSkip, startMinistack } from "@sluice/local";
import { createDeployment, type TestDeployment } from "../../../inspect/test/support/deployment.ts";
import { runSluice } from "../support/sluice.ts";

const modules = fileURLToPath(new URL("../../../../node_modules", import.meta.url));
const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack());

const module = `
import { pipeline } from "@sluice/core";
import { snsSink } from "@sluice/sink-sns";
export const orders = pipeline("orders", { onReject: "block" })
  .to(snsSink({ topicArn: "arn:aws:sns:us-east-1:000000000000:orders" }), () => ({ body: "a" }), { dedupe: "none" });
`;

const chatter = `
console.log("at the beginning");
setInterval(() => console.log("meanwhile"), 1);
process.on("exit", () => console.log("at the end"));
`;

describeWithMinistack("sluice doctor orders.mjs", (ministack) => {
  let folder: string;
  let deployment: TestDeployment;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sluice-doctor-"));
    await symlink(modules, join(folder, "node_modules"));
    const other = join(folder, "orders", "node_modules", "@sluice", "sink-webhook");
    await mkdir(other, { recursive: true });
    await writeFile(join(other, "package.json"), JSON.stringify({ name: "@sluice/sink-webhook", version: "9.9.9" }));
    await writeFile(join(folder, "orders", "orders.mjs"), module);
    await writeFile(join(folder, "orders", "chatter.mjs"), chatter + module);
    deployment = await createDeployment(ministack);
  });
  afterAll(async () => {
    deployment?.close();
    await rm(folder, { recursive: true });
  });

  test("judges the rights of the routes, the packages of the project, and the verify that the user names", async () => {
    const args = ["doctor", "orders.mjs#orders", "--function", deployment.functionName, "--json"];
    const areas = ["--only", "rights", "--only", "operation", "--verify-function", "orders-verify"];
    const { code, stdout, stderr } = await runSluice(
      [...args, ...areas, "--region", "us-east-1", "--endpoint-url", ministack.endpoint],
      { cwd: join(folder, "orders"), env: { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" } },
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const { findings } = JSON.parse(stdout) as DoctorReport;
    const found = (wanted: string) => findings.filter((finding) => finding.code === wanted);
    expect(found("RIGHT_MISSING").map(({ fix }) => fix)).toContainEqual(expect.stringContaining('"sns:Publish"'));
    expect(found("VERSIONS_DIFFER")[0]?.found).toContain("@sluice/sink-webhook 9.9.9");
    expect(found("VERIFY_OLD")[0]?.resource).toBe("orders-verify");
  });

  test("standard output is one JSON document, whatever the module writes, and until the process ends", async () => {
    const { code, stdout, stderr } = await runSluice(
      ["doctor", "chatter.mjs", "--function", "no-such-function", "--json", "--endpoint-url", ministack.endpoint],
      {
        cwd: join(folder, "orders"),
        env: { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local", AWS_REGION: "us-east-1" },
      },
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ functionName: "no-such-function" });
    expect(stderr).toMatch(/^at the beginning\n[\s\S]*at the end\n$/);
  });

  test("a module that ends the process does not end it with 0", async () => {
    await writeFile(join(folder, "exit.mjs"), "process.exit(0);");
    const { code, stdout, stderr } = await runSluice(["doctor", "exit.mjs", "--function", "orders"], {
      cwd: folder,
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^sluice: the process was ended before the command was done, [^\n]*\n$/);
  });
});
