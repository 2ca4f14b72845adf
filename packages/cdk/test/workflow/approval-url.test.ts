// The approval page is public by its URL alone, and by nothing else.

import { expect, test } from "@jest/globals";
import { Template } from "aws-cdk-lib/assertions";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { RedriveWorkflow } from "../../src/index.ts";
import { unbundled } from "../support/pipeline.ts";
import { resourcesIn } from "../support/resources.ts";

test("the function URL of the approval page has both permissions, no authentication of its own, and no CORS", () => {
  const stack = unbundled();
  const topic = new Topic(stack, "Topic") as ITopic;
  const { approvalUrl } = new RedriveWorkflow(stack, "Redrive", {
    pipeline: resourcesIn(stack),
    approval: true,
    topic,
  });
  const template = Template.fromStack(stack);

  const urls = Object.entries(template.findResources("AWS::Lambda::Url"));
  expect(urls).toHaveLength(1);
  const [[id, url] = []] = urls;
  expect(stack.resolve(approvalUrl)).toEqual({ "Fn::GetAtt": [id, "FunctionUrl"] });
  const target = url?.Properties.TargetFunctionArn;
  expect(url?.Properties).toEqual({ AuthType: "NONE", TargetFunctionArn: target });
  expect(JSON.stringify(target)).toMatch(/RedriveApprovalPageFunction/);

  const permissions = Object.values(template.findResources("AWS::Lambda::Permission")).map(
    ({ Properties }) => Properties,
  );
  const everyone = { FunctionName: target, Principal: "*" };
  expect(permissions).toHaveLength(2);
  expect(permissions).toEqual(
    expect.arrayContaining([
      // Since October 2025, a URL needs both. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html (read 2026-11-28)
      { ...everyone, Action: "lambda:InvokeFunctionUrl", FunctionUrlAuthType: "NONE" },
      { ...everyone, Action: "lambda:InvokeFunction", InvokedViaFunctionUrl: true },
    ]),
  );
});

test("without approval there is no public function", () => {
  const stack = unbundled();
  new RedriveWorkflow(stack, "Redrive", { pipeline: resourcesIn(stack) });
  const template = Template.fromStack(stack);
  template.resourceCountIs("AWS::Lambda::Url", 0);
  template.resourceCountIs("AWS::Lambda::Permission", 0);
});
