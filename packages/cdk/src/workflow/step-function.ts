// The functions and the state machine that all workflows consist of.

import { DeployError } from "@sluice/rules";
import { Duration, Stack } from "aws-cdk-lib";
import { type IRole, Policy, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from "aws-cdk-lib/aws-stepfunctions";
import type { Construct } from "constructs";
import { acknowledgeWildcards } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";
import { type FunctionOptions, PipelineFunction, type PipelineFunctionProps } from "../function/pipeline-function.ts";

/** Options of all functions of a workflow. */
export type WorkflowFunctionOptions = Omit<
  FunctionOptions,
  "timeout" | "memorySize" | "provisionedConcurrency" | "reservedConcurrency"
>;

/** What a workflow's functions take from the options of the pipeline's function: bundling, runtime, logs, keys, network. */
export const workflowOptionsOf = (options: FunctionOptions = {}): WorkflowFunctionOptions => {
  const { timeout, memorySize, provisionedConcurrency, reservedConcurrency, description, ...shared } = options;
  return shared;
};

/** The clients of Lambda's Node.js runtimes, so that no client must be installed for a function that seldom runs. */
const withoutSdk = { externalModules: ["@aws-sdk/client-*"] };

/** Creates a function of a workflow. */
export const workflowFunction = (
  scope: Construct,
  id: string,
  options: WorkflowFunctionOptions | undefined,
  props: PipelineFunctionProps,
): LambdaFunction =>
  new PipelineFunction(scope, id, { ...options, bundling: { ...withoutSdk, ...options?.bundling }, ...props }).function;

/** Makes a definition. Its options are checked by `@sluice/workflow`, whose error becomes a `DeployError`. */
export const checkedDefinition = <Definition>(make: () => Definition): Definition => {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Error && error.name === "ConfigError")) throw error;
    throw new DeployError(
      "OPTION_RANGE",
      `the workflow refuses an option, expected another value: ${error.message}. Set the option within these limits.`,
    );
  }
};

/** The functions by the names of the definition's placeholders. */
export type Substitutions = Readonly<Record<string, LambdaFunction>>;

/** Creates the Standard state machine of a definition, with a log of its own. The log contains no input and no output. */
export const workflowStateMachine = (scope: Construct, definition: object, functions: Substitutions): StateMachine => {
  const role = new Role(scope, "Role", { assumedBy: new ServicePrincipal("states.amazonaws.com") });
  const arns = Object.values(functions).map(({ functionArn }) => functionArn);
  allowActions(role, ["lambda:InvokeFunction"], arns);
  // The construct of the state machine adds the rights of logs and of traces, whose actions accept no resource.
  acknowledgeWildcards(role, ["*"]);
  const logs = new LogGroup(scope, "StateMachineLogs", { retention: RetentionDays.ONE_MONTH });
  const named = Object.entries(functions).map(([name, { functionArn }]) => [name, functionArn]);
  return new StateMachine(scope, "StateMachine", {
    definitionBody: DefinitionBody.fromString(JSON.stringify(definition)),
    definitionSubstitutions: Object.fromEntries(named),
    stateMachineType: StateMachineType.STANDARD,
    role,
    logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
    tracingEnabled: true,
  });
};

/**
 * Adds statements to a role in a policy of its own. A function or a state machine waits for its role's default policy, so a
 * statement about the state machine itself would make a circle there.
 */
export const laterPolicy = (
  scope: Construct,
  id: string,
  role: IRole,
  statements: readonly (readonly [actions: readonly string[], resources: readonly string[]])[],
): Policy => {
  const policy = new Policy(scope, id, {
    roles: [role],
    statements: statements.map(
      ([actions, resources]) => new PolicyStatement({ actions: [...actions], resources: [...resources] }),
    ),
  });
  for (const [, resources] of statements) acknowledgeWildcards(policy, resources);
  return policy;
};

/** The role of a function that was created here. */
export const roleOf = ({ role }: LambdaFunction): IRole => role as IRole;

interface FunctionSize {
  readonly timeout: Duration;
  readonly memorySize: number;
}

/** Timeouts and sizes that the README of `@sluice/workflow` recommends. */
export const sizes: Readonly<Record<"short" | "batch" | "report" | "worker", FunctionSize>> = {
  short: { timeout: Duration.seconds(30), memorySize: 256 },
  batch: { timeout: Duration.minutes(5), memorySize: 256 },
  report: { timeout: Duration.minutes(5), memorySize: 512 },
  worker: { timeout: Duration.minutes(15), memorySize: 512 },
};

/** The partition of the stack's region. A definition has no placeholder for the partition. */
export const partitionOf = (scope: Construct): string => {
  const { region } = Stack.of(scope);
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
};
