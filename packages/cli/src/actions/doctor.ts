// The doctor as an action: of a deployment, or of the targets of a pipeline that runs on this machine.

import type { ConsoleHost, DoctorView } from "@sluice/console";
import { untilAborted } from "@sluice/core/sink-kit";
import { closeClients, doctorTargets, openClients } from "@sluice/inspect";
import { clientConfig } from "../aws/clients.ts";
import { judge } from "../doctor/judge.ts";
import { problemIn } from "../doctor/problem.ts";
import { withUserOptions } from "../doctor/report.ts";
import { ActionError } from "./action-error.ts";
import { type ActionPlace, placeOfItems } from "./place.ts";

type Judged = Omit<DoctorView, "at">;

const judgeDeployment = async (place: ActionPlace, functionName: string): Promise<Judged> => {
  const { module, modulePath, aws } = place;
  const clients = openClients((service) => clientConfig(aws, service, functionName));
  try {
    const report = await judge({ clients, functionName, pipeline: module?.pipeline, module: modulePath, aws });
    const { findings, counts, checked } = report;
    const problem = problemIn(report);
    return { subject: report.functionName, findings, counts, checked, ...(problem && { problem }) };
  } finally {
    closeClients(clients);
  }
};

const judgeTargets = async (place: ActionPlace): Promise<Judged> => {
  if (place.module === undefined)
    throw new ActionError("MODULE_MISSING", "nothing can be judged without a function or a module");
  const { module, table, aws, modulePath } = placeOfItems(place, place.module.pipeline.name);
  const clients = openClients((service) => clientConfig(aws, service, table));
  try {
    const report = await doctorTargets({ clients, pipeline: module.pipeline, table });
    const { findings, counts, checked } = withUserOptions(report, aws, modulePath);
    return { subject: `the targets of ${module.pipeline.name}`, findings, counts, checked };
  } finally {
    closeClients(clients);
  }
};

/** Says what is wrong. Without a function, only the targets are judged. */
export const doctorOf =
  (place: ActionPlace): ConsoleHost["doctor"] =>
  async (signal) => {
    const at = new Date().toISOString();
    const { functionName } = place;
    const judged = functionName === undefined ? judgeTargets(place) : judgeDeployment(place, functionName);
    // The doctor only reads, so that nothing has to be finished.
    return { at, ...(await untilAborted(judged, signal, () => signal.reason as Error)) };
  };
