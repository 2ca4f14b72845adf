// Repairs wrong copies through the pipeline's handler. The record of a repair has the version that the target held before the
// item was read, with a greater fraction. So the target takes the repair if and only if it still holds that version.

import type { MessageOutcome, PipelineTarget, StreamRecord } from "@sluice/core/envelope";
import { chunk } from "@sluice/core/sink-kit";
import { repairRecord } from "../record/records.ts";
import type { Invoke } from "../record/task.ts";
import type { Finding, FindingClass } from "./classes.ts";
import { type DifferingLook, findingOf, repairBase, versionIn } from "./look.ts";
import type { Settled, Suspect } from "./suspect.ts";
import type { Verification } from "./verification.ts";

/** A wrong copy that is to be repaired. */
export interface Repairable {
  readonly look: DifferingLook;
  readonly class: FindingClass;
}

/** A repair and its record. */
interface Repair extends Repairable {
  readonly record: StreamRecord;
  /** The version that the copy gets. */
  readonly version: string;
}

const maxRequestBytes = 5_500_000;
const maxRequestRecords = 1_000;
const maxAttempts = 5;
const firstDelayMs = 500;

const repairOf = ({ origin }: Verification, { look, class: kind }: Repairable): Repair => {
  const { suspect, target, item } = look;
  const record = repairRecord(origin, { keys: suspect.keys, item }, repairBase(look));
  return { look, class: kind, record, version: target.expect(record).delivery.change.version };
};

/** The outcomes of repairs, in their order, and the error with which the function failed in the last attempt. */
interface Sent {
  readonly outcomes: readonly (MessageOutcome | undefined)[];
  readonly failure?: unknown;
}

/** Sends repairs. Sends those that are to be retried again, and all after a failure of the function. */
const send = async (
  { clock }: Verification,
  invoke: Invoke,
  target: PipelineTarget,
  repairs: readonly Repair[],
  signal: AbortSignal,
): Promise<Sent> => {
  const outcomes = new Map<Repair, MessageOutcome>();
  let left = repairs;
  let failure: unknown;
  for (let attempt = 1; left.length > 0 && attempt <= maxAttempts && !signal.aborted; attempt += 1) {
    if (attempt > 1) await clock.sleep(firstDelayMs * 2 ** (attempt - 2), signal);
    const Records = left.map(({ record }) => record);
    try {
      const answer = await invoke({ sluice: { task: "backfill", routes: target.routes }, Records }, signal);
      failure = undefined;
      for (const [index, repair] of left.entries()) {
        const outcome = answer.outcomes[index];
        if (outcome !== undefined) outcomes.set(repair, outcome);
      }
      left = left.filter((repair) => outcomes.get(repair)?.outcome === "retried");
    } catch (error) {
      failure = error;
    }
  }
  return { outcomes: repairs.map((repair) => outcomes.get(repair)), failure };
};

/** The suspect whose next look proves the repair. */
const proofOf = ({ look, class: kind, version }: Repair): Suspect => ({
  target: look.suspect.target,
  keys: look.suspect.keys,
  dueAt: look.toMs,
  looks: look.suspect.looks + 1,
  repair: {
    class: kind,
    members: look.difference.members,
    version,
    item: look.digest,
    held: versionIn(look.sight.held),
  },
});

const failedFinding = (verification: Verification, repair: Repair, outcome: MessageOutcome | undefined): Finding => {
  const { look, class: kind } = repair;
  const { code, message } = outcome ?? {};
  const unexpected = `the handler's outcome is ${outcome?.outcome ?? "missing"}; expected delivered`;
  return findingOf(verification, look, kind, {
    repair: outcome?.outcome === "rejected" ? "rejected" : "failed",
    ...(code !== undefined && { code }),
    message: message ?? unexpected,
  });
};

const sizeOf = ({ record }: Repair): number => Buffer.byteLength(JSON.stringify(record)) + 1;

/** The outcome of a repair that no answer has. */
const unanswered = (failure: unknown): MessageOutcome | undefined => {
  if (failure === undefined) return undefined;
  return {
    itemIdentifier: "",
    outcome: "retried",
    message: failure instanceof Error ? failure.message : String(failure),
  };
};

/** Repairs wrong copies. A repair that the handler took needs another look, which proves it. */
export const repairAll = async (
  verification: Verification,
  target: PipelineTarget,
  repairables: readonly Repairable[],
  signal: AbortSignal,
): Promise<Settled> => {
  const { repair: invoke } = verification;
  const suspects: Suspect[] = [];
  const findings: Finding[] = [];
  if (invoke === undefined) return { suspects, findings };
  const repairs = repairables.map((one) => repairOf(verification, one));
  for (const part of chunk(repairs, { maxEntries: maxRequestRecords, maxBytes: maxRequestBytes, sizeOf })) {
    const { outcomes, failure } = await send(verification, invoke, target, part, signal);
    if (failure !== undefined && signal.aborted) throw failure;
    part.forEach((one, index) => {
      const outcome = outcomes[index] ?? unanswered(failure);
      const isTaken = outcome?.outcome === "delivered" || outcome?.outcome === "superseded";
      if (isTaken) suspects.push(proofOf(one));
      else findings.push(failedFinding(verification, one, outcome));
    });
    if (failure !== undefined) return { suspects, findings, failure };
  }
  return { suspects, findings };
};
