// The function of a pipeline: made from an entry, or given.

import type { Duration } from "aws-cdk-lib";
import { CfnFunction, type IFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import { checkEntry, checkPackages } from "../function/bundling.ts";
import { sharedNetwork } from "../function/network.ts";
import { PipelineFunction } from "../function/pipeline-function.ts";
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

const givenFunction = (scope: Construct, given: LambdaFunction, props: SluicePipelineProps): MadeFunction => {
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

/** The group that the function writes to. The getter of CDK would create a second function, which sets a retention. */
const logGroupOf = (scope: Construct, given: LambdaFunction): ILogGroup => {
  const resource = given.node.defaultChild;
  const config = resource instanceof CfnFunction ? knownProperty(resource.loggingConfig) : undefined;
  return LogGroup.fromLogGroupName(scope, "Logs", config?.logGroup ?? `/aws/lambda/${given.functionName}`);
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
