import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { judgeTemplate } from "@sluice/cdk";
import { type App, type CfnResource, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { fanOutApp } from "../src/fan-out-app.ts";

// The validation of templates needs WebAssembly modules that Jest's module loader does not load.
process.env.CDK_VALIDATION = "false";

describe("the stack", () => {
  let app: App;
  let template: Template;
  let stackName: string;

  beforeAll(() => {
    app = fanOutApp({
      bundling: { more: { esbuildArgs: { "--conditions": "@sluice/source" }, logLevel: "silent" as never } },
    });
    const [stack] = app.node.children.filter((child): child is Stack => Stack.isStack(child));
    template = Template.fromStack(stack as Stack);
    stackName = (stack as Stack).stackName;
  });

  test.each(["docs/deploying.md", "examples/deploy-cdk/README.md"])("has the outputs that %s reads", (page) => {
    const read = [...readFileSync(page, "utf8").matchAll(/\$\(output (\w+)\)/g)].map(([, name]) => name);
    expect(read.length).toBeGreaterThan(2);
    expect(Object.keys(template.findOutputs("*"))).toEqual(expect.arrayContaining(read));
    expect(readFileSync(page, "utf8")).toContain(`--stack-name ${stackName} `);
  });

  test("has no finding of Sluice's rules", () => {
    expect(judgeTemplate(template.toJSON())).toEqual([]);
  });

  test("has no finding of cdk-nag that is not acknowledged with a reason", () => {
    const { violations, success } = new AwsSolutionsChecks(app).validateScope(app);
    const found = violations.map(({ ruleName, violatingResources }) => [
      ruleName,
      ...violatingResources.map(({ constructPath }) => constructPath),
    ]);
    expect({ found, success }).toEqual({ found: [], success: true });
  });

  test("polls its sources only after the tables and indices of the targets exist", () => {
    const [trigger] = Object.keys(template.findResources("Custom::Trigger"));
    const mappings = Object.values(template.findResources("AWS::Lambda::EventSourceMapping")) as CfnResource[];
    expect(mappings).toHaveLength(2);
    for (const mapping of mappings)
      expect((mapping as unknown as { DependsOn: string[] }).DependsOn).toContain(trigger);
  });
});
