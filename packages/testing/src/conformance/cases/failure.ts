// The results of a sink when its target fails: C09 to C13, C15 to C17.

import { isTransient } from "@sluice/core/sink-kit";
import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import { deliverAll, type Harness, type SpecimenChange } from "../harness.ts";
import { expectOutcomes, failureOf, retriedOf } from "../write-outcomes.ts";

const fiveItems = (): readonly SpecimenChange[] => {
  const table = specimenTable();
  return ["a", "b", "c", "d", "e"].map((name) => table.put(name));
};

/** Ends the fault, writes the failed deliveries again, and expects all changes in the target. */
const expectRecovery = async (harness: Harness, failed: readonly SpecimenChange[], all: readonly SpecimenChange[]) => {
  await harness.heal();
  const again = await deliverAll(harness, failed);
  expectEqual(retriedOf(again, failed).length, 0, "deliveries that still fail after the fault");
  await harness.expectHeld(all, "allowed");
};

/** Expects every delivery to fail with this code, by result or by rejection, and to be delivered after the fault. */
const expectAllFail = async (harness: Harness, kind: "throttle" | "down" | "deny", code: string): Promise<void> => {
  const changes = fiveItems();
  await harness.fail({ kind });
  const written = await harness.write(changes);
  expectOutcomes(written, changes, code);
  const withoutCause = written.errors.filter(({ cause }) => cause === undefined);
  if (kind === "down") expectEqual(withoutCause.map(String), [], "errors without a cause");
  await expectRecovery(harness, changes, changes);
};

/** The cases of a failing target. */
export const failureCases: readonly Case[] = [
  {
    id: "C09",
    name: "a bad record is rejected alone",
    needs: ["refuse"],
    run: async (harness) => {
      const changes = fiveItems();
      const [, , bad] = changes as readonly [SpecimenChange, SpecimenChange, SpecimenChange];
      await harness.fail({ kind: "refuse", change: bad });
      const written = await harness.write(changes);
      const isRejected = failureOf(written, bad) === "reject";
      expectThat(
        isRejected,
        "outcome of the bad record",
        written.outcomeOf(bad),
        "a code that rejects, as SINK_REJECTED",
      );
      const others = changes.filter((change) => change !== bad);
      expectOutcomes(written, others, "delivered", "outcomes of the others");
      await harness.expectHeld(others);
    },
  },
  {
    id: "C10",
    name: "throttling is reported as SINK_THROTTLED, and no delivery is lost",
    needs: ["throttle"],
    run: (harness) => expectAllFail(harness, "throttle", "SINK_THROTTLED"),
  },
  {
    id: "C11",
    name: "a partial failure in a successful response is detected",
    needs: ["throttle-one"],
    run: async (harness) => {
      const changes = fiveItems();
      const [, slow] = changes as readonly [SpecimenChange, SpecimenChange];
      await harness.fail({ kind: "throttle-one", change: slow });
      const written = await harness.write(changes);
      const others = changes.filter((change) => change !== slow);
      expectOutcomes(written, others, "delivered", "outcomes of the others");
      const isRetried = failureOf(written, slow) === "retry";
      expectThat(isRetried, "outcome of the throttled change", written.outcomeOf(slow), "a code that retries");
      await harness.expectHeld(others);
      await expectRecovery(harness, [slow], changes);
    },
  },
  {
    id: "C12",
    name: "an unavailable target fails every delivery with SINK_UNAVAILABLE, and the error has its cause",
    needs: ["down"],
    run: (harness) => expectAllFail(harness, "down", "SINK_UNAVAILABLE"),
  },
  {
    id: "C13",
    name: "a missing permission fails every delivery with SINK_DENIED, so that none is dead-lettered",
    needs: ["deny"],
    run: (harness) => expectAllFail(harness, "deny", "SINK_DENIED"),
  },
  {
    id: "C15",
    name: "a connection lost after the send is a failure, and a repeated write converges",
    needs: ["drop-after-send"],
    run: async (harness) => {
      const changes = fiveItems();
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
    run: async (harness) => {
      const table = specimenTable();
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
    run: async (harness) => {
      const table = specimenTable();
      const batches = ["left", "right", "third"].map((call) =>
        ["a", "b", "c"].map((name) => table.put(`${call}-${name}`)),
      );
      const bad = batches[1]?.[1] as SpecimenChange;
      await harness.fail({ kind: "refuse", change: bad });
      const calls = await Promise.all(batches.map((batch) => harness.write(batch)));
      const failed = batches.flatMap((batch, call) =>
        batch.filter((change) => calls[call]?.outcomeOf(change) !== "delivered"),
      );
      expectEqual(
        failed.map(({ keys }) => keys.pk),
        [bad.keys.pk],
        "keys of the deliveries that failed",
      );
      await harness.expectHeld(batches.flat().filter((change) => change !== bad));
    },
  },
];
