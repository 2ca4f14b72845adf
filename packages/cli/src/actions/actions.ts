// The actions of the console: what the commands do, as functions from plain JSON to plain JSON.

import type { ConsoleHost, RunCall, RunInput } from "@sluice/console";
import { ActionError, withPlainErrors } from "./action-error.ts";
import { dropOf, exportOf, listOf, showOf } from "./dead-letters.ts";
import { traceOf, valuesOf } from "./item.ts";
import type { ActionPlace } from "./place.ts";
import { redriveOf } from "./redrive.ts";

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

const notBuilt = (): never => {
  throw new ActionError("ACTION_FAILED", "not built");
};

/** Creates the actions of a place. */
export const actionsOf = (place: ActionPlace): Actions => {
  const redrive = redriveOf(place);
  return {
    item: withPlainErrors(traceOf(place)),
    itemValues: withPlainErrors(valuesOf(place)),
    deadLetters: withPlainErrors(listOf(place)),
    deadLetter: withPlainErrors(showOf(place)),
    exportDeadLetters: withPlainErrors(exportOf(place)),
    dropDeadLetters: withPlainErrors(dropOf(place)),
    run: withPlainErrors(async (input: RunInput, call: RunCall) =>
      input.kind === "redrive" ? redrive(input, call) : notBuilt(),
    ),
    editDeadLetter: withPlainErrors(async () => notBuilt()),
    commandOf: () => "",
    doctor: withPlainErrors(async () => notBuilt()),
  };
};
