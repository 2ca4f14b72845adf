// Runs an opened backfill, shows its progress, and formats its report.

import {
  backfill,
  failuresIn,
  type ItemSource,
  isRunDone,
  itemRate,
  type LagGate,
  lagGate,
  pacedSource,
  runTotals,
  type WorkCounts,
} from "@sluice/backfill";
import { openLagReader } from "../pipeline-command/lag.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import { type ReportFile, reportFile } from "../run-state/report-file.ts";
import { counted, durationText, messageOf } from "../terminal/format.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { Announcer, RunEnd } from "./announce.ts";
import { type Meter, meter, type Shown } from "./meter.ts";
import type { OpenBackfill } from "./open-backfill.ts";
import { type Causes, causeLines, hintLines, newCauses, resumeCommand, sumLine, verifyCommand } from "./report.ts";

/** How a backfill runs. */
export interface RunSettings {
  /** The arguments of the command, for the commands that the report names. */
  readonly args: readonly string[];
  readonly announce: Pick<Announcer, "started" | "progress">;
  readonly terminal: Pick<Notes, "err">;
  readonly resources: Resources;
  readonly signal: AbortSignal;
  /** The function whose lag is watched. */
  readonly liveFunction: string | undefined;
  /** The folder of the file with the failures. Default: `.sluice/runs`. */
  readonly folder?: string;
}

/** How a backfill ended. */
export interface BackfillEnd {
  readonly end: RunEnd;
  /** The report, for people. */
  readonly lines: readonly string[];
  /** Whether every item is copied. */
  readonly isClean: boolean;
}

const lagEveryMs = 15_000;
const tickMs = 250;

/** Watches the lag of the live function, if there is one, and if its package is installed. */
const openGate = async (
  { options: { aws, yieldAboveMs } }: OpenBackfill,
  { liveFunction, resources, terminal }: RunSettings,
): Promise<LagGate | undefined> => {
  const lag = liveFunction === undefined ? undefined : openLagReader(aws, liveFunction, resources, terminal);
  return lag && lagGate({ read: lag.read, aboveMs: yieldAboveMs, everyMs: lagEveryMs, onReadError: lag.report });
};

const paced = ({ source, options }: OpenBackfill, lag: LagGate | undefined): ItemSource => {
  const { itemsPerSecond } = options;
  const items = itemsPerSecond === undefined ? undefined : itemRate({ itemsPerSecond });
  return pacedSource(source, { items, lag });
};

/** Shows the progress until the returned function is called. */
const showProgress = (announce: RunSettings["announce"], run: Meter, shown: () => Shown): (() => void) => {
  const timer = setInterval(() => announce.progress(run, shown()), tickMs);
  return () => clearInterval(timer);
};

/** The end of a run: undefined as its error if it is done, or was interrupted. */
interface Ended {
  readonly counts: WorkCounts;
  readonly error: unknown;
  readonly isDone: boolean;
}

const copy = async (
  open: OpenBackfill,
  settings: RunSettings,
  parts: { readonly run: Meter; readonly causes: Causes; readonly file: ReportFile; readonly lag: LagGate | undefined },
): Promise<Ended> => {
  const { options, state, store, invoke } = open;
  const { run, causes, file, lag } = parts;
  let isDone = false;
  try {
    const result = await backfill({
      source: paced(open, lag),
      state,
      store,
      invoke,
      workers: options.concurrency,
      // Nothing limits the size of an event in this process.
      ...(options.to === "here" && { limits: { maxBytes: Number.POSITIVE_INFINITY } }),
      ...(options.maxFailures !== undefined && { maxFailures: options.maxFailures }),
      signal: settings.signal,
      onFailures: async (failures) => {
        causes.add(failures);
        if (!options.isDryRun) await file.add(failures);
      },
      onProgress: ({ counts }) => run.add(counts),
    });
    isDone = result.isDone;
    return { counts: result.counts, error: undefined, isDone };
  } catch (error) {
    return { counts: run.counts(), error, isDone };
  }
};

/** Number of items that the run has, about. */
export const itemsOf = ({ table, summary }: OpenBackfill): number => summary?.items ?? table.itemCount;

const reasonOf = ({ error, isDone }: Ended): string | undefined => {
  if (error !== undefined) return messageOf(error);
  return isDone ? undefined : "interrupted";
};

const afterwards = "when the cause is mended, sluice verify --repair copies them";
const meanwhile = "some of them belong to pages that are sent again when the run is resumed";

const endLines = (open: OpenBackfill, end: RunEnd, causes: Causes): string[] => {
  const { isDone, isDryRun, counts, durationMs, failuresFile, reason, resume, next } = end;
  const what = `${isDryRun ? "dry run" : `run ${end.run}`} of ${open.source.name}`;
  const how = isDone ? `done in ${durationText(durationMs)}` : `not done: ${reason}`;
  return [
    `${what}: ${how}`,
    sumLine(counts, isDryRun),
    ...causeLines(causes.all()),
    ...hintLines(counts),
    ...(failuresFile === undefined ? [] : [`  the failed items: ${failuresFile}; ${isDone ? afterwards : meanwhile}`]),
    ...(resume === undefined ? [] : [`resume: ${resume}`]),
    ...(next === undefined ? [] : [`next: ${next}`]),
  ];
};

/** Runs a backfill, and shows its progress. */
export const runBackfill = async (open: OpenBackfill, settings: RunSettings): Promise<BackfillEnd> => {
  const { options, state, table } = open;
  const { run: id, isDryRun, isNamedRun } = options;
  const { announce, args, folder } = settings;
  const before = runTotals(state);
  const total = itemsOf(open);
  const run = meter(before, total, Date.now);
  const causes = newCauses();
  const file = reportFile(id, "failures", folder);
  const lag = await openGate(open, settings);
  const verb = open.isResumed ? "resumed" : "started";
  const ofRun = isDryRun ? "dry run" : `run ${id}`;
  announce.started(
    { run: id, source: open.source.name, items: total, isResumed: open.isResumed, isDryRun, counts: before },
    `${ofRun} ${verb}: ${open.source.name}, about ${counted(total, "item")}, ${counted(state.units.length, "part")}`,
  );
  const startedAt = Date.now();
  const shown = (): Shown => ({ total, lag: lag && { ms: lag.lagMs(), isWaiting: lag.isClosed() } });
  const hide = showProgress(announce, run, shown);
  const ended = await copy(open, settings, { run, causes, file, lag }).finally(hide);
  await file.close();
  const { counts, isDone } = ended;
  const reason = reasonOf(ended);
  const end = {
    run: id,
    isDone,
    isDryRun,
    counts,
    durationMs: Date.now() - startedAt,
    causes: causes.all(),
    ...(causes.all().length > 0 && !isDryRun && { failuresFile: file.path }),
    ...(reason !== undefined && { reason }),
    ...(!isDone && !isDryRun && { resume: resumeCommand(args, id, isNamedRun) }),
    ...(isDone && !isDryRun && { next: verifyCommand(args, options.module, table.address) }),
  };
  return { end, lines: endLines(open, end, causes), isClean: isDone && failuresIn(counts) === 0 };
};

/** The end of a run of which nothing is left. */
export const finishedBackfill = (open: OpenBackfill, args: readonly string[]): BackfillEnd => {
  const { options, state, table } = open;
  const counts = runTotals(state);
  const next = verifyCommand(args, options.module, table.address);
  const end = { run: options.run, isDone: isRunDone(state), isDryRun: false, counts, durationMs: 0, causes: [], next };
  const lines = [
    `run ${options.run} of ${open.source.name} was done before; a new run needs another --run`,
    sumLine(counts, false),
    `next: ${next}`,
  ];
  return { end, lines, isClean: failuresIn(counts) === 0 };
};
