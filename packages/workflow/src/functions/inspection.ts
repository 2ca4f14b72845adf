// The Lambda function of the state "Inspect the queue", configured by environment variables.

import { type InspectionHandler, inspectionHandler } from "../redrive/inspection.ts";

/** The handler. */
export const handler: InspectionHandler = inspectionHandler();
