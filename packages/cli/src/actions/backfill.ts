// The backfill as an action: `sluice backfill` from the table of the place. Its state is in the place's folder.

import { isRunId, type WorkCounts } from "@sluice/backfill";
import type { BackfillInput, RunCall, RunResult, RunStep } from "@sluice/console";
import { checkBackfill } from "../backfill/checks.ts";
import type { Meter, Shown } from "../backfill/meter.ts";
import { checkRoutes, isFinished, type OpenBackfill, openBackfill } from "../backfill/open-backfill.ts";
import { type BackfillCommandOptions, backfillOptions } from "../backfill/options.ts";
import { type BackfillEnd, finishedBackfill, runBackfill } from "../backfill/run-backfill.ts";
import { resources } from "../pipeline-command/resources.ts";
import { plainLine } from "../terminal/plain-text.ts";
import { ActionError } from "./action-error.ts";
import { wordsOf } from "./command-line.ts";
import { type ActionNotes, actionNotes } from "./notes.ts";
import { type ActionPlace, placeOfItems } from "./place.ts";

/** @throws {ActionError} if the id cannot be a part of file names */
export const checkRunId = (id: string): void => {
  if (isRunId(id)) return;
  throw new ActionError("RUN_REFUSED", "the id of the run must have letters, digits, and the characters . _ - only");
};

const shownCounts = ["delivered", "superseded", "filtered", "rejected", "retried"] as const;

const countsOf = (counts: WorkCounts): RunStep["counts"] =>
  Object.fromEntries(shownCounts.flatMap((name) => (counts[name] > 0 ? [[name, counts[name]]] : [])));

const progressOf = (run: Meter, { total, lag }: Shown): RunStep => {
  const { itemsPerSecond } = run.speed();
  return {
    doing: lag?.isWaiting ? "waiting for the live function" : "copying",
    done: run.counts().records,
    total: total > 0 ? total : undefined,
    counts: countsOf(run.counts()),
    ...(itemsPerSecond > 0 && { perSecond: Math.round(itemsPerSecond * 10) / 10 }),
  };
};

/** Checks the preconditions, as the command does. @throws {ActionError} with all refusals */
const check = async (open: OpenBackfill, notes: ActionNotes, signal: AbortSignal): Promise<string | undefined> => {
  const checked = await checkBackfill(open, signal);
  for (const note of checked.notes) notes.err(note);
  if (checked.refusals.length === 0) return checked.liveFunction;
  throw new ActionError("RUN_REFUSED", checked.refusals.map(({ message }) => message).join("\n"));
};

const resultOf = ({ end, lines, isClean }: BackfillEnd, notes: ActionNotes): RunResult => ({
  lines: [...notes.lines(), ...lines].map(plainLine),
  isClean,
  counts: { items: end.counts.records, ...countsOf(end.counts) },
});

/** The command's options, with the id of this run and with the place's folder for its state. */
const optionsOf = (place: ActionPlace, input: BackfillInput, run: string): BackfillCommandOptions => {
  const [, ...args] = wordsOf(place, input);
  const options = backfillOptions(args, Date.now()) as BackfillCommandOptions;
  return { ...options, run, place: { kind: "folder", folder: place.directory } };
};

/** Runs a backfill, or resumes the one with this id. Returns undefined if the signal aborted before the end. */
export const backfillOf =
  (given: ActionPlace) =>
  async (input: BackfillInput, { id, signal, onProgress }: RunCall): Promise<RunResult | undefined> => {
    const { module, ...place } = placeOfItems(given, input.pipeline);
    checkRunId(id);
    const options = optionsOf(given, input, id);
    checkRoutes(module, options.routes);
    const args = [...wordsOf(given, input).slice(1), "--state", place.directory];
    const notes = actionNotes();
    const opened = resources();
    try {
      onProgress({ doing: "checking", done: 0, total: undefined, counts: {} });
      const open = await openBackfill(options, module, opened, signal);
      if (isFinished(open)) return resultOf(finishedBackfill(open, args), notes);
      const liveFunction = await check(open, notes, signal);
      if (signal.aborted) return undefined;
      const announce = {
        started: () => undefined,
        progress: (run: Meter, shown: Shown) => onProgress(progressOf(run, shown)),
      };
      const settings = { args, announce, terminal: notes, resources: opened, signal, liveFunction };
      const ended = await runBackfill(open, { ...settings, folder: place.directory });
      if (signal.aborted && !ended.end.isDone) return undefined;
      return resultOf(ended, notes);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      await opened.close();
    }
  };
