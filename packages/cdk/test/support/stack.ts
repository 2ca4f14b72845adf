import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";

// The validation of templates needs WebAssembly modules that Jest's module loader does not load; it takes 11 s outside.
process.env.CDK_VALIDATION = "false";

/** A stack of an app that writes its assembly to a temporary directory. */
export const testStack = (): Stack =>
  new Stack(new App(), "Test", { env: { account: "123456789012", region: "eu-west-1" } });

/** The synthesised template of a stack. */
export const templateOf = (stack: Stack): Template => Template.fromStack(stack);
