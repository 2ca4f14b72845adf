// Creates what the targets of a pipeline lack, at each deployment: tables, columns, indices, fields.

import { Duration } from "aws-cdk-lib";
import { Trigger } from "aws-cdk-lib/triggers";
import type { Construct, IConstruct } from "constructs";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { type FunctionSettings, PipelineFunction, type PipelineFunctionProps } from "./pipeline-function.ts";

/** What runs before the event source mappings are created, and after each change of the code. */
export interface EnsureSettings extends FunctionSettings {
  /** The file with a handler that calls `ensure()` of each sink: `src/ensure.ts`. */
  readonly entry: string;
}

/** Options of `EnsureTargets`. */
export interface EnsureTargetsProps extends PipelineFunctionProps {
  readonly sinks: readonly SinkAccess[];
  /** What is deployed after the targets are complete: the event source mappings. */
  readonly before: readonly IConstruct[];
}

/** The longest time that CloudFormation's trigger waits for the function. */
const longest: Duration = Duration.minutes(14);

/**
 * A function that a deployment calls, with the rights of `ensure()` that the pipeline's function does not have. If the
 * function throws, the deployment fails and is rolled back.
 */
export class EnsureTargets extends PipelineFunction {
  constructor(scope: Construct, id: string, props: EnsureTargetsProps) {
    const { sinks, before, ...settings } = props;
    super(scope, id, { timeout: Duration.minutes(5), description: "Sluice: ensure() of the targets", ...settings });
    for (const sink of sinks) sink.grant(this.function, "ensure");
    const trigger = new Trigger(this, "Trigger", { handler: this.function, timeout: longest });
    trigger.executeBefore(...(before as Construct[]));
  }
}
