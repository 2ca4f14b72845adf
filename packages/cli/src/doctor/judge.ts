// Asks the doctor about a function, for the command and for the console.

import { dirname, resolve } from "node:path";
import type { Pipeline } from "@sluice/core";
import { type DoctorOptions, type DoctorReport, doctor } from "@sluice/inspect";
import type { AwsOptions } from "../aws/clients.ts";
import { regionIn } from "../aws/region.ts";
import { withUserOptions } from "./report.ts";

/** What the doctor is asked. */
export interface JudgeOptions extends Pick<DoctorOptions, "clients" | "functionName" | "skip"> {
  readonly pipeline: Pipeline<unknown> | undefined;
  /** Path of the pipeline's module. */
  readonly module: string | undefined;
  readonly verifyFunction?: string | undefined;
  readonly only?: DoctorOptions["only"] | undefined;
  readonly aws: AwsOptions;
}

/** Judges a deployment. The commands of the findings have the user's options. */
export const judge = async (options: JudgeOptions): Promise<DoctorReport> => {
  const { clients, functionName, skip, pipeline, module, verifyFunction, only, aws } = options;
  const report = await doctor({
    clients,
    functionName,
    ...(skip !== undefined && { skip }),
    ...(pipeline !== undefined && { pipeline }),
    ...(module !== undefined && { directory: dirname(resolve(module.split("#")[0] ?? "")) }),
    ...(verifyFunction !== undefined && { verifyFunction }),
    ...(only !== undefined && { only }),
  });
  // The findings have the function's name without the region of its ARN.
  return withUserOptions(report, { ...aws, region: aws.region ?? regionIn(functionName) }, module);
};
