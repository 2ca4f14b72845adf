// The function of a pipeline: made from an entry, or given.

import { DeployError } from "@sluice/rules";
import { type Duration, Stack } from "aws-cdk-lib";
import { CfnFunction, type IFunction, type Function as LambdaFunction, RuntimeFamily } from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { checkEntry, checkPackages } from "../function/bundling.ts";
import { sharedNetwork } from "../function/network.ts";
import { checkRuntime, PipelineFunction } from "../function/pipeline-function.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { knownProperty, knownSeconds } from "./known.ts";
import type { SluicePipelineProps } from "./options.ts";

/** The function of a pipeline, made or given. */
export interface MadeFunction {
  readonly function: LambdaFunction;
  readonly logGroup: ILogGroup;
  readonly target: IFunction;
}

/** Makes the function, or takes the given one. Throws if there are both, or none. */
export const functionOf = (scope: Construct, props: SluicePipelineProps): MadeFunction => {
  const { entry, handler, functionOptions = {}, sinks } = props;
  if ((entry === undefined) === (props.function === undefined)) {
    throw new DeployError(
      "ENTRY_OR_FUNCTION",
      `${entry === undefined ? "there is no entry and no function" : "there is an entry and a function"}, expected one of them. ` +
        "Set entry to the file that exports the handler, or function to a function of your own.",
    );
  }
  if (props.function !== undefined) return givenFunction(scope, props.function, props);
  const path = checkEntry(entry ?? "");
  for (const { name, packages = [] } of sinks) checkPackages(path, `the sink ${name}`, packages);
  const network = sharedNetwork(sinks, functionOptions.network);
  return new PipelineFunction(scope, "Function", {
    ...functionOptions,
    entry: path,
    ...(handler !== undefined && { handler }),
    ...(network && { network }),
  });
};

const checkGiven = (scope: Construct, given: LambdaFunction): void => {
  if (!("addEnvironment" in given)) {
    throw new DeployError(
      "FUNCTION_KIND",
      `function is ${(given as IFunction).node.path}, an alias, a version or an imported function; expected a function of this app: the ` +
        "pipeline sets variables, which those do not have. Pass the Function itself; for an alias, use provisionedConcurrency.",
    );
  }
  if (Stack.of(given) === Stack.of(scope)) return;
  throw new DeployError(
    "FUNCTION_OTHER_STACK",
    `the function ${given.node.path} and the pipeline ${scope.node.path} are in two stacks, expected one: the function needs the ` +
      "pipeline's queues, and the pipeline's mappings need the function, so neither stack could be deployed first. Create both " +
      "in one stack.",
  );
};

const givenFunction = (scope: Construct, given: LambdaFunction, props: SluicePipelineProps): MadeFunction => {
  checkGiven(scope, given);
  // Code in a container, or with a runtime of its own, may be anything.
  if (given.runtime.family !== undefined && given.runtime.family !== RuntimeFamily.OTHER) checkRuntime(given.runtime);
  const options = [
    ...Object.keys(props.functionOptions ?? {}).map((name) => `functionOptions.${name}`),
    ...(props.handler === undefined ? [] : ["handler"]),
  ];
  if (options.length > 0) {
    throw new DeployError(
      "FUNCTION_OPTIONS",
      `there is a function, and also ${options.join(", ")}; expected one of the two: the pipeline changes nothing of a function of ` +
        "your own. Set the options on the function, or pass entry instead of function.",
    );
  }
  sharedNetwork(props.sinks, undefined);
  return { function: given, logGroup: props.logGroup ?? logGroupOf(scope, given), target: given };
};

/** Children of a function in which CDK has made its log group. */
const logChildren = ["LogGroup", "LogRetention"];

/**
 * The group that the function writes to. The getter of CDK would create a second function for a group that CDK has not
 * made, to set a retention.
 */
const logGroupOf = (scope: Construct, given: LambdaFunction): ILogGroup => {
  const resource = given.node.defaultChild;
  const config = resource instanceof CfnFunction ? knownProperty(resource.loggingConfig) : undefined;
  if (config?.logGroup !== undefined) return LogGroup.fromLogGroupName(scope, "Logs", config.logGroup);
  if (logChildren.some((id) => given.node.tryFindChild(id) !== undefined)) return given.logGroup;
  return LogGroup.fromLogGroupName(scope, "Logs", `/aws/lambda/${given.functionName}`);
};

/** Seconds that an invocation needs besides the longest request: to start, to store dead letters and to report. */
const reserveSeconds = 5;

/** Lambda's own default, of a function that was made without a timeout. */
const lambdaTimeout = 3;

/** Throws if the timeout is too short for the slowest sink. */
export const checkTimeout = (timeout: Duration | undefined, sinks: readonly SinkAccess[]): void => {
  const seconds = timeout === undefined ? lambdaTimeout : knownSeconds(timeout);
  if (seconds === undefined) return;
  const slowest = sinks.reduce<SinkAccess | undefined>(
    (slower, sink) => ((sink.maxSeconds ?? 0) > (slower?.maxSeconds ?? 0) ? sink : slower),
    undefined,
  );
  const expected = (slowest?.maxSeconds ?? 0) + reserveSeconds;
  if (seconds >= expected) return;
  const request = slowest && `a request of the sink ${slowest.name} may take ${slowest.maxSeconds} s, and `;
  throw new DeployError(
    "TIMEOUT_TOO_SHORT",
    `the function's timeout is ${seconds} s, expected at least ${expected} s: ${request ?? ""}an invocation needs ` +
      `${reserveSeconds} s to start and to store what failed. Raise the function's timeout, or lower that of the sink's requests.`,
  );
};
