// The methods of the process of a pipeline: the actions of the console, with one plain JSON value as their input.

import type {
  ConsoleHost,
  DeadLetterEdit,
  DeadLetterSelection,
  ItemQuestion,
  RunInput,
  RunResult,
} from "@sluice/console";
import type { MethodCall, WorkerPlace } from "@sluice/dev/worker";
import { type Actions, actionsOf } from "../actions/actions.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";

/** The input of each method. */
export interface MethodInputs {
  readonly item: ItemQuestion;
  readonly itemValues: ItemQuestion;
  readonly deadLetters: { readonly queueUrl: string };
  readonly deadLetter: { readonly queueUrl: string; readonly id: string };
  readonly editDeadLetter: DeadLetterEdit;
  readonly exportDeadLetters: DeadLetterSelection;
  readonly dropDeadLetters: DeadLetterSelection;
  readonly run: { readonly id: string; readonly input: RunInput; readonly earlier?: RunResult };
  readonly doctor: null;
}

/** The result of each method. */
export type MethodResult<Name extends keyof MethodInputs> = Awaited<ReturnType<ConsoleHost[Name]>>;

type Methods = {
  readonly [Name in keyof MethodInputs]: (input: MethodInputs[Name], call: MethodCall) => Promise<MethodResult<Name>>;
};

/** The methods that work on a module at its place. */
export const methodsOf = (module: PipelineModule, place: WorkerPlace): Methods => {
  let created: Actions | undefined;
  const actions = (): Actions => {
    created ??= actionsOf({
      module,
      modulePath: place.module,
      table: place.table,
      functionName: undefined,
      queues: place.queues,
      // The environment of the process has the addresses of the engines.
      aws: { profile: undefined, region: undefined, endpointUrl: undefined },
      directory: place.directory,
    });
    return created;
  };
  return {
    item: (question, { signal }) => actions().item(question, signal),
    itemValues: (question, { signal }) => actions().itemValues(question, signal),
    deadLetters: ({ queueUrl }, { signal }) => actions().deadLetters(queueUrl, signal),
    deadLetter: ({ queueUrl, id }, { signal }) => actions().deadLetter(queueUrl, id, signal),
    editDeadLetter: (edit, { signal }) => actions().editDeadLetter(edit, signal),
    exportDeadLetters: (selection, { signal }) => actions().exportDeadLetters(selection, signal),
    dropDeadLetters: (selection, { signal }) => actions().dropDeadLetters(selection, signal),
    run: ({ input, ...run }, call) => actions().run(input, { ...run, ...call }),
    doctor: (_, { signal }) => actions().doctor(signal),
  };
};
