// The actions of the console: what the commands do, as functions from plain JSON to plain JSON.

import type { ConsoleHost, RunCall, RunInput, RunResult } from "@sluice/console";
import { payloadPlaceOf } from "../aws/payloads.ts";
import { withPlainErrors } from "./action-error.ts";
import { backfillOf } from "./backfill.ts";
import { commandLineOf } from "./command-line.ts";
import { dropOf, exportOf, listOf, showOf } from "./dead-letters.ts";
import { doctorOf } from "./doctor.ts";
import { editOf } from "./edit.ts";
import { traceOf, valuesOf } from "./item.ts";
import type { ActionPlace } from "./place.ts";
import { queueTurns } from "./queue-turns.ts";
import { redriveOf } from "./redrive.ts";
import { verifyOf } from "./verify.ts";

export type { ActionPlace } from "./place.ts";

/** The actions. */
export type Actions = Pick<
  ConsoleHost,
  | "item"
  | "itemValues"
  | "deadLetters"
  | "deadLetter"
  | "editDeadLetter"
  | "exportDeadLetters"
  | "dropDeadLetters"
  | "run"
  | "commandOf"
  | "doctor"
>;

/** Creates the actions of a place. */
export const actionsOf = (given: ActionPlace): Actions => {
  // The module may have loaded an earlier core, whose pipelines do not tell their stores.
  const stores = given.module?.pipeline.payloadStores?.() ?? [];
  const place = { ...given, payloadStore: given.payloadStore ?? payloadPlaceOf(stores), turns: queueTurns() };
  const [backfill, verify, redrive] = [backfillOf(place), verifyOf(place), redriveOf(place)];
  const run = async (input: RunInput, call: RunCall): Promise<RunResult | undefined> => {
    if (input.kind === "backfill") return backfill(input, call);
    return input.kind === "verify" ? verify(input, call) : redrive(input, call);
  };
  return {
    item: withPlainErrors(traceOf(place)),
    itemValues: withPlainErrors(valuesOf(place)),
    deadLetters: withPlainErrors(listOf(place)),
    deadLetter: withPlainErrors(showOf(place)),
    exportDeadLetters: withPlainErrors(exportOf(place)),
    dropDeadLetters: withPlainErrors(dropOf(place)),
    run: withPlainErrors(run),
    editDeadLetter: withPlainErrors(editOf(place)),
    commandOf: (input) => commandLineOf(place, input),
    doctor: withPlainErrors(doctorOf(place)),
  };
};
