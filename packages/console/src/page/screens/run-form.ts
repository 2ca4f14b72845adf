// The forms that start runs, and what they say of a run.

import type { About } from "../../api/about.ts";
import type { RunInput, RunKind, RunStatus, RunView } from "../../api/runs.ts";
import type { Tone } from "../tone.ts";

/** What a form holds. Texts are as typed. */
export interface RunForm {
  readonly kind: RunKind;
  readonly pipeline: string;
  /** Empty: all routes. */
  readonly routes: readonly string[];
  readonly isDryRun: boolean;
  readonly itemsPerSecond: string;
  /** Per cent. */
  readonly sample: string;
  readonly repairs: boolean;
  readonly queueUrl: string;
}

/** The input of a run, or what is wrong with the form. */
export type ReadForm =
  | { readonly input: RunInput; readonly problem?: undefined }
  | { readonly problem: string; readonly input?: undefined };

/** The form as it is at first, of the first pipeline or another one. */
export const emptyForm = (kind: RunKind, about: About, pipeline = about.pipelines[0]?.name ?? ""): RunForm => {
  const queue = about.queues.find((one) => one.kind === "dead letters" && one.pipeline === pipeline);
  return {
    kind,
    pipeline,
    routes: [],
    isDryRun: kind !== "verify",
    itemsPerSecond: "",
    sample: "100",
    repairs: false,
    queueUrl: queue?.url ?? "",
  };
};

const wholeNumber = (text: string): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text.trim()) : undefined;

const shareOf = (text: string): number | undefined => {
  const percent = /^\d*\.?\d+$/.test(text.trim()) ? Number(text.trim()) : Number.NaN;
  return percent > 0 && percent <= 100 ? percent / 100 : undefined;
};

/** Reads a form. */
export const readForm = (form: RunForm): ReadForm => {
  const { kind, pipeline, queueUrl, isDryRun } = form;
  if (pipeline === "") return { problem: "There is no pipeline to run." };
  const routes = form.routes.length === 0 ? {} : { routes: form.routes };
  const dry = isDryRun ? { isDryRun: true } : {};
  if (kind === "redrive") {
    if (queueUrl === "") return { problem: "Choose the queue to redrive." };
    return { input: { kind, pipeline, queueUrl, ...dry } };
  }
  if (kind === "verify") {
    const sample = shareOf(form.sample);
    if (sample === undefined) return { problem: "The part must be a number above 0 and up to 100, such as 5." };
    const repairs = form.repairs ? { repairs: true } : {};
    return { input: { kind, pipeline, ...routes, ...(sample === 1 ? {} : { sample }), ...repairs } };
  }
  if (form.itemsPerSecond.trim() === "") return { input: { kind, pipeline, ...routes, ...dry } };
  const itemsPerSecond = wholeNumber(form.itemsPerSecond);
  if (itemsPerSecond === undefined) return { problem: "Items a second must be a whole number, such as 500, or empty." };
  return { input: { kind, pipeline, ...routes, ...dry, itemsPerSecond } };
};

/** What each kind of run does, in one sentence. */
export const kindTexts: Readonly<Record<RunKind, string>> = {
  backfill: "Copies the items that the table has now to the targets. Copies that are newer stay.",
  verify: "Compares the copies in the targets with the items of the table, value by value.",
  redrive: "Sends the dead letters of a queue again, each to the sink that failed, and to no other.",
};

/** Names of the kinds. */
export const kindWords: Readonly<Record<RunKind, string>> = {
  backfill: "Backfill",
  verify: "Verify",
  redrive: "Redrive",
};

const queueName = (url: string): string => url.split("/").at(-1) ?? url;

/** What a run is about, in a few words. */
export const inputText = (input: RunInput): string => {
  if (input.kind === "redrive") {
    const what = input.ids === undefined ? "all" : input.ids.length.toLocaleString("en");
    return `${what} of ${queueName(input.queueUrl)}${input.isDryRun ? ", dry run" : ""}`;
  }
  const routes = input.routes === undefined ? "all routes" : input.routes.join(", ");
  if (input.kind === "backfill") {
    const rate = input.itemsPerSecond === undefined ? "" : `, ${input.itemsPerSecond.toLocaleString("en")} items/s`;
    return `${routes}${rate}${input.isDryRun ? ", dry run" : ""}`;
  }
  const sample = input.sample === undefined ? "" : `, ${Number((input.sample * 100).toPrecision(4))} % of the items`;
  return `${routes}${sample}${input.repairs ? ", with repairs" : ""}`;
};

/** Whether a run writes to targets. */
export const isWriting = (input: RunInput): boolean =>
  input.kind === "verify" ? input.repairs === true : input.isDryRun !== true;

/** Whether a run needs a confirmation: it writes, and not only on this machine. */
export const asksFirst = (form: RunForm, { mode }: Pick<About, "mode">): boolean => {
  const { input } = readForm(form);
  return mode === "deployment" && input !== undefined && isWriting(input);
};

/** What a run will write, for its confirmation. */
export const writingText = ({ kind, routes, queueUrl }: RunForm, { title }: Pick<About, "title">): string => {
  const where = routes.length === 0 ? "all targets" : `the targets of ${routes.join(", ")}`;
  if (kind === "backfill")
    return `All items of the table are written to ${where} of ${title}. Copies that are newer stay.`;
  if (kind === "verify") return `Copies that differ are written again to ${where} of ${title}.`;
  return `The function ${title} gets all dead letters of ${queueName(queueUrl)} again, and writes to the targets.`;
};

/** How a state looks. A run that is done is good only if nothing is left to do. */
export const runTone = (state: RunStatus, isClean: boolean | undefined): Tone => {
  if (state === "failed") return "bad";
  if (state === "done") return isClean === false ? "warn" : "good";
  return state === "running" ? "plain" : "warn";
};

/** A state, for people. */
export const runStateText = (state: RunStatus, isClean: boolean | undefined): string =>
  state === "done"
    ? isClean === false
      ? "done, something is left"
      : "done"
    : state === "pausing" || state === "cancelling"
      ? `${state}…`
      : state;

/** Counts above zero, largest first. */
export const countsOf = (
  counts: Readonly<Record<string, number>>,
): readonly (readonly [name: string, count: number])[] =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one);

/** How long the rest takes; undefined if unknown. */
export const restMs = (done: number, total: number | undefined, perSecond: number | undefined): number | undefined =>
  total === undefined || perSecond === undefined || perSecond <= 0 || done >= total
    ? undefined
    : ((total - done) / perSecond) * 1000;

/** Runs with the newest state of each, newest first. */
export const newestFirst = (runs: readonly RunView[], heard: readonly RunView[]): readonly RunView[] =>
  [...new Map([...runs, ...heard].map((run) => [run.id, run])).values()].sort(
    (one, other) => other.startedAt - one.startedAt,
  );
