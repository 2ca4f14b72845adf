// Actions about one item: what is known of it, and its values.

import type { ConsoleHost, ItemQuestion } from "@sluice/console";
import { readContents, traceItem } from "@sluice/inspect";
import { CommandError } from "../command-line/command-error.ts";
import { resources } from "../pipeline-command/resources.ts";
import { openItem, openTrace } from "../trace/open-trace.ts";
import { ActionError } from "./action-error.ts";
import { actionNotes } from "./notes.ts";
import { type ActionPlace, placeOfItems, queuesOf } from "./place.ts";

const keyText = ({ keys }: ItemQuestion): string => JSON.stringify(keys ?? null);

/** The command's message names its option. @throws {ActionError} KEY_INVALID in place of an error about the key */
const aboutKey = (error: unknown): never => {
  if (!(error instanceof CommandError) || !error.message.startsWith("--key ")) throw error;
  throw new ActionError("KEY_INVALID", error.message.replace(/^--key /, "the key "), { cause: error });
};

/** Tells what the table, its stream, the targets, the queues and the log know of an item. */
export const traceOf =
  (place: ActionPlace): ConsoleHost["item"] =>
  async (question, signal) => {
    const { module, modulePath = "", table, functionName, payloadStore, aws } = placeOfItems(place, question.pipeline);
    const options = {
      module: modulePath,
      table,
      key: keyText(question),
      retryQueues: queuesOf(place, question.pipeline, "retry queue"),
      deadLetters: queuesOf(place, question.pipeline, "dead letters"),
      payloadStore,
      functionName,
      logGroup: undefined,
      readsStream: true,
      streamMs: undefined,
      isJson: true,
      aws,
    };
    const opened = resources();
    try {
      const trace = await openTrace(options, module.pipeline, opened, actionNotes(), signal).catch(aboutKey);
      return { trace: await traceItem(trace) };
    } finally {
      await opened.close();
    }
  };

/** Reads the values of an item, and those of its copies. */
export const valuesOf =
  (place: ActionPlace): ConsoleHost["itemValues"] =>
  async (question, signal) => {
    const { module, table, aws } = placeOfItems(place, question.pipeline);
    const opened = resources();
    try {
      const item = await openItem({ table, key: keyText(question), aws }, opened).catch(aboutKey);
      return await readContents({ ...item, client: item.dynamodb, signal }, module.pipeline.targets());
    } finally {
      await opened.close();
    }
  };
