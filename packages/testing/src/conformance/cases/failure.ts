// The results of a sink when its target fails: C09 to C13, C15 to C17.

import { isTransient } from "@sluice/core/sink-kit";
import type { SpecimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import { deliverAll, type Harness, type SpecimenChange } from "../harness.ts";
import { expectOutcomes, failureOf, retriedOf, type WriteOutcomes } from "../write-outcomes.ts";

const putFive = (table: SpecimenTable): readonly SpecimenChange[] => table.putEach("a", "b", "c", "d", "e");

/** Writes changes while the target fails the entry of one change. Expects the sink to deliver all other changes. */
export const writeBeside = async (
  harness: Harness,
  kind: "refuse" | "throttle-one",
  failing: SpecimenChange,
  changes: readonly SpecimenChange[],
): Promise<{ readonly written: WriteOutcomes; readonly others: readonly SpecimenChange[] }> => {
  await harness.fail({ kind, change: failing });
  const written = await harness.write(changes);
  const others = changes.filter((change) => change !== failing);
  expectOutcomes(written, others, "delivered", "outcomes of the others");
  return { written, others };
};

/** Ends the fault, writes the failed deliveries again, and expects all changes in the target. */
const expectRecovery = async (harness: Harness, failed: readonly SpecimenChange[], all: readonly SpecimenChange[]) => {
  await harness.endFault();
  const again = await deliverAll(harness, failed);
  expectEqual(retriedOf(again, failed).length, 0, "deliveries that still fail after the fault");
  await harness.expectHeld(all, "allowed");
};

/** Creates a case: every delivery fails with `code`, or `write` rejects with `code`. After the fault, all succeed. */
const allFailCase = (id: Case["id"], kind: "throttle" | "down" | "deny", code: string, name: string): Case => ({
  id,
  name,
  needs: [kind],
  run: async (harness, table) => {
    const changes = putFive(table);
    await harness.fail({ kind });
    const written = await harness.write(changes);
    expectOutcomes(written, changes, code);
    const withoutCause = written.errors.filter(({ cause }) => cause === undefined);
    if (kind === "down") expectEqual(withoutCause.map(String), [], "errors without a cause");
    await expectRecovery(harness, changes, changes);
  },
});

/** The cases of a failing target. */
export const failureCases: readonly Case[] = [
  {
    id: "C09",
    name: "a bad record is rejected alone",
    needs: ["refuse"],
    run: async (harness, table) => {
      const changes = putFive(table);
      const [, , bad] = changes as readonly [SpecimenChange, SpecimenChange, SpecimenChange];
      const { written, others } = await writeBeside(harness, "refuse", bad, changes);
      const isRejected = failureOf(written, bad) === "reject";
      const outcome = written.outcomeOf(bad);
      expectThat(isRejected, "outcome of the bad record", outcome, "a code that rejects, such as SINK_REJECTED");
      await harness.expectHeld(others);
    },
  },
  allFailCase("C10", "throttle", "SINK_THROTTLED", "throttling is reported as SINK_THROTTLED, and no delivery is lost"),
  {
    id: "C11",
    name: "a partial failure in a successful response is detected",
    needs: ["throttle-one"],
    run: async (harness, table) => {
      const changes = putFive(table);
      const [, slow] = changes as readonly [SpecimenChange, SpecimenChange];
      const { written, others } = await writeBeside(harness, "throttle-one", slow, changes);
      const isRetried = failureOf(written, slow) === "retry";
      expectThat(isRetried, "outcome of the throttled change", written.outcomeOf(slow), "a code that retries");
      await harness.expectHeld(others);
      await expectRecovery(harness, [slow], changes);
    },
  },
  allFailCase(
    "C12",
    "down",
    "SINK_UNAVAILABLE",
    "an unavailable target fails every delivery with SINK_UNAVAILABLE, and the error has its cause",
  ),
  allFailCase(
    "C13",
    "deny",
    "SINK_DENIED",
    "a missing permission fails every delivery with SINK_DENIED, so that no delivery is dead-lettered",
  ),
  {
    id: "C15",
    name: "a connection lost after the send is a failure, and a repeated write converges",
    needs: ["drop-after-send"],
    run: async (harness, table) => {
      const changes = putFive(table);
      await harness.fail({ kind: "drop-after-send" });
      const written = await harness.write(changes);
      expectEqual(retriedOf(written, changes).length, changes.length, "deliveries that are retried");
      await expectRecovery(harness, changes, changes);
    },
  },
  {
    id: "C16",
    name: "a write succeeds after the target has closed an idle connection",
    needs: ["close-idle"],
    run: async (harness, table) => {
      const [first, second] = [table.put("a"), table.put("b")];
      await harness.write([first]);
      await harness.fail({ kind: "close-idle" });
      const outcome = (await harness.write([second])).outcomeOf(second);
      const isExpected = outcome === "delivered" || (outcome !== "superseded" && isTransient(outcome));
      expectThat(isExpected, "outcome over the closed connection", outcome, "delivered, or a transient code");
      const again = outcome === "delivered" ? outcome : (await harness.write([second])).outcomeOf(second);
      expectThat(again === "delivered" || again === "superseded", "outcome of the second write", again, "delivered");
      await harness.expectHeld([first, second], "allowed");
    },
  },
  {
    id: "C17",
    name: "concurrent writes do not mix their failures",
    needs: ["refuse"],
    run: async (harness, table) => {
      const batches = ["left", "right", "third"].map((call) => table.putEach(`${call}-a`, `${call}-b`, `${call}-c`));
      const bad = batches[1]?.[1] as SpecimenChange;
      await harness.fail({ kind: "refuse", change: bad });
      const calls = await Promise.all(batches.map((batch) => harness.write(batch)));
      const failed = batches.flatMap((batch, call) =>
        batch.filter((change) => calls[call]?.outcomeOf(change) !== "delivered").map(({ keys }) => keys.pk),
      );
      expectEqual(failed, [bad.keys.pk], "keys of the deliveries that failed");
      await harness.expectHeld(batches.flat().filter((change) => change !== bad));
    },
  },
];
