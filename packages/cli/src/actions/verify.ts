// The verification as an action: `sluice verify` of the table of the place. A verification that was paused begins again.

import { rm } from "node:fs/promises";
import type { Finding, VerifyProgress, VerifyTally } from "@sluice/backfill";
import type { RunCall, RunFinding, RunResult, RunStep, VerifyInput } from "@sluice/console";
import { checkRoutes } from "../backfill/open-backfill.ts";
import { resources } from "../pipeline-command/resources.ts";
import { reportFile } from "../run-state/report-file.ts";
import { plainLine } from "../terminal/plain-text.ts";
import { type OpenVerify, openVerify } from "../verify/open-verify.ts";
import { type VerifyCommandOptions, verifyOptions } from "../verify/options.ts";
import { checkComparable, runVerify, stepOf, totalOf, type VerifyEnd } from "../verify/run-verify.ts";
import { checkRunId } from "./backfill.ts";
import { wordsOf } from "./command-line.ts";
import { type ActionNotes, actionNotes } from "./notes.ts";
import { type ActionPlace, placeOfItems } from "./place.ts";

const maxFindings = 1_000;

/** Counts of all targets by class, and repairs by their outcome. */
const countsOf = (tally: VerifyTally): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const { counts, repairs } of Object.values(tally)) {
    for (const [name, count] of [...Object.entries(counts), ...Object.entries(repairs)]) {
      sums[name] = (sums[name] ?? 0) + count;
    }
  }
  return sums;
};

const progressOf = (now: VerifyProgress, total: number): RunStep => {
  const { doing, done, total: ofStep } = stepOf(now, total);
  return { doing, done, total: ofStep && Math.round(ofStep), counts: countsOf(now.tally) };
};

/** What the page learns of a finding. The file of the run has all of them. */
const findingOf = (
  { target, class: kind, keys, members, repair }: Finding,
  { verification }: OpenVerify,
): RunFinding => ({
  class: kind,
  routes: verification.targets.find(({ routes }) => routes[0] === target)?.routes ?? [target],
  keys,
  members,
  ...(repair && { repair }),
});

const resultOf = (ended: VerifyEnd, findings: readonly RunFinding[], notes: ActionNotes): RunResult => ({
  lines: [...notes.lines(), ...ended.lines].map(plainLine),
  isClean: ended.report.isEqual && !ended.isEmpty,
  counts: { items: ended.report.items, ...countsOf(ended.report.tally) },
  findings,
});

/** Verifies the targets. Returns undefined if the signal aborted before the end. */
export const verifyOf =
  (given: ActionPlace) =>
  async (input: VerifyInput, { id, signal, onProgress }: RunCall): Promise<RunResult | undefined> => {
    const { module, directory } = placeOfItems(given, input.pipeline);
    checkRunId(id);
    const [, ...args] = wordsOf(given, input);
    const options = { ...(verifyOptions(args, Date.now()) as VerifyCommandOptions), run: id };
    checkRoutes(module, options.routes);
    const notes = actionNotes(onProgress);
    const findings: RunFinding[] = [];
    const opened = resources();
    try {
      const open = await openVerify(options, module, opened, notes, signal);
      checkComparable(open);
      const file = reportFile(id, "findings", directory);
      await file.prepare();
      await rm(file.path, { force: true });
      const ended = await runVerify(open, {
        args,
        signal,
        file,
        onProgress: (now) => onProgress(progressOf(now, totalOf(open))),
        onFinding: (finding) => {
          if (findings.length < maxFindings) findings.push(findingOf(finding, open));
        },
      });
      if (signal.aborted && !ended.report.isComplete) return undefined;
      return resultOf(ended, findings, notes);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    } finally {
      await opened.close();
    }
  };
