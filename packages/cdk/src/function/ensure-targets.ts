// Creates what the targets of a pipeline lack, at each deployment: tables, columns, indices, fields.

import { DeployError } from "@sluice/rules";
import { Duration } from "aws-cdk-lib";
import { Trigger } from "aws-cdk-lib/triggers";
import type { Construct, IConstruct } from "constructs";
import { knownSeconds } from "../pipeline/known.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { PipelineFunction, type PipelineFunctionProps } from "./pipeline-function.ts";

/** Options of `EnsureTargets`. Its `entry` exports a handler that calls `ensure()` of each sink. */
export interface EnsureTargetsProps extends PipelineFunctionProps {
  readonly sinks: readonly SinkAccess[];
  /**
   * What is deployed after the targets are complete: the event source mappings, and the pipeline's function, whose new code
   * may write a column that the target lacks. They must not be constructs on which a target depends.
   */
  readonly before: readonly IConstruct[];
}

/** The longest time for which the trigger of a deployment can wait. */
const longest = Duration.minutes(14);

/**
 * A function that a deployment calls after each change of its code, with the rights of `ensure()`, which the pipeline's
 * function does not have. If the function throws, the deployment fails and is rolled back.
 */
export class EnsureTargets extends PipelineFunction {
  constructor(scope: Construct, id: string, props: EnsureTargetsProps) {
    const { sinks, before, ...options } = props;
    checkTimeout(props.timeout);
    super(scope, id, { timeout: Duration.minutes(5), description: "Sluice: ensure() of the targets", ...options });
    for (const sink of sinks) sink.grant(this.function, "ensure");
    const trigger = new Trigger(this, "Trigger", { handler: this.function, timeout: longest });
    trigger.executeBefore(...(before as Construct[]));
  }
}

const checkTimeout = (timeout: Duration | undefined): void => {
  const seconds = knownSeconds(timeout);
  if (seconds === undefined || seconds <= longest.toSeconds()) return;
  throw new DeployError(
    "ENSURE_TIMEOUT",
    `the timeout of ensure is ${seconds} s, expected at most ${longest.toSeconds()} s: a deployment waits no longer for it. ` +
      "Lower the timeout, and create by hand what takes longer, such as an index of a large table.",
  );
};
