// The function that calls `ensure()` of a pipeline's sinks at each deployment.

import type { Duration } from "aws-cdk-lib";
import type { Construct, IConstruct } from "constructs";
import { EnsureTargets } from "../function/ensure-targets.ts";
import { sharedNetwork } from "../function/network.ts";
import type { FunctionOptions } from "../function/pipeline-function.ts";
import type { SinkAccess } from "../sinks/sink-access.ts";
import { type OwnedVariables, setEnvironment } from "./environment.ts";

/** The function that calls `ensure()` of the sinks. */
export interface EnsureTargetsOptions {
  /** The file that exports a handler. It calls `ensure()` of each sink: `src/ensure.ts`. */
  readonly entry: string;
  /** The name of the export. Default `handler`. */
  readonly handler?: string;
  /** Default 5 minutes; at most 14. */
  readonly timeout?: Duration;
}

interface EnsureContext extends EnsureTargetsOptions {
  readonly sinks: readonly SinkAccess[];
  readonly functionOptions: FunctionOptions | undefined;
  /** The resources of the function and of the mappings. */
  readonly before: readonly IConstruct[];
  readonly variables: readonly OwnedVariables[];
}

/** The options of the pipeline's function that this function shares. */
const shared = [
  "runtime",
  "architecture",
  "logRetention",
  "logEncryptionKey",
  "logRemovalPolicy",
  "environmentEncryption",
  "bundling",
  "depsLockFilePath",
  "projectRoot",
] as const satisfies readonly (keyof FunctionOptions)[];

/** Creates the function, and lets it run before the pipeline's function gets its code and Lambda polls the event sources. */
export const ensureBefore = (scope: Construct, context: EnsureContext): void => {
  const { functionOptions = {}, sinks, before, variables, ...own } = context;
  const options = Object.fromEntries(
    shared.flatMap((name) => (name in functionOptions ? [[name, functionOptions[name]]] : [])),
  );
  const network = sharedNetwork(sinks, functionOptions.network);
  const props = { ...options, ...own, ...(network && { network }), sinks, before };
  setEnvironment(new EnsureTargets(scope, "Ensure", props).function, variables);
};
