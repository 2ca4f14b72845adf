// A CommonJS app requires the package as it is published, bundles a pipeline and synthesises its stack.

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const app = join(import.meta.dirname, "support", "commonjs-app.cjs");

test("a CommonJS app deploys a bundle that exports the handler", async () => {
  const assembly = mkdtempSync(join(tmpdir(), "sluice-cdk-"));
  await promisify(execFile)(process.execPath, ["--no-warnings", app, assembly], {
    env: { ...process.env, CDK_VALIDATION: "false", NODE_OPTIONS: "" },
  });
  const template = JSON.parse(readFileSync(join(assembly, "Test.template.json"), "utf8"));
  const types = Object.values<{ readonly Type: string }>(template.Resources).map(({ Type }) => Type);
  expect(types.filter((type) => type === "AWS::Lambda::EventSourceMapping")).toHaveLength(2);
  const [asset = ""] = readdirSync(assembly).filter((name) => name.startsWith("asset."));
  expect(readdirSync(join(assembly, asset)).sort()).toEqual(["index.js", "index.js.map"]);
  process.env.DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead";
  const bundle: unknown = createRequire(import.meta.url)(join(assembly, asset, "index.js"));
  expect(bundle).toMatchObject({ handler: expect.any(Function) });
});
