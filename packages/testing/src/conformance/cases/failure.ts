// What a sink reports when its target fails: C09 to C13, C15 to C17.

import { isTransient, outcomeOf } from "@sluice/core/sink-kit";
import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat } from "../expectation.ts";
import { type Bench, comesAgain, deliverAll, type SpecimenChange } from "../harness.ts";

const fiveItems = (): readonly SpecimenChange[] => {
  const table = specimenTable();
  return ["a", "b", "c", "d", "e"].map((name) => table.put(name));
};

const delivered = (changes: readonly SpecimenChange[]): readonly string[] => changes.map(() => "delivered");

/** After the fault is gone, what failed is written again and all of it is there. */
const expectRecovery = async (bench: Bench, failed: readonly SpecimenChange[], all: readonly SpecimenChange[]) => {
  await bench.heal();
  const again = await deliverAll(bench, failed);
  const left = failed.filter((change) => comesAgain(again, change));
  expectEqual(left.length, 0, "deliveries that still fail after the target is well");
  await bench.expectHeld(all, "allowed");
};

/** Every delivery fails with this code, by result or by rejection, and is delivered later. */
const expectAllFail = async (bench: Bench, kind: "throttle" | "down" | "deny", code: string): Promise<void> => {
  const changes = fiveItems();
  await bench.fail({ kind });
  const written = await bench.write(changes);
  expectEqual(
    changes.map(written.outcomeOf),
    changes.map(() => code),
    "outcomes",
  );
  const withoutCause = written.errors.filter(({ cause }) => cause === undefined);
  if (kind === "down") expectEqual(withoutCause.map(String), [], "errors without the original as their cause");
  await expectRecovery(bench, changes, changes);
};

export const failureCases: readonly Case[] = [
  {
    id: "C09",
    name: "a poison record is rejected alone",
    needs: ["refuse"],
    run: async (bench) => {
      const changes = fiveItems();
      const [, , poison] = changes as readonly [SpecimenChange, SpecimenChange, SpecimenChange];
      await bench.fail({ kind: "refuse", change: poison });
      const written = await bench.write(changes);
      const outcome = written.outcomeOf(poison);
      const isRejected = outcome !== "delivered" && outcome !== "superseded" && outcomeOf(outcome) === "reject";
      expectThat(isRejected, "outcome of the poison record", outcome, "a code that rejects, as SINK_REJECTED");
      const others = changes.filter((change) => change !== poison);
      expectEqual(others.map(written.outcomeOf), delivered(others), "outcomes of the others");
      await bench.expectHeld(others);
    },
  },
  {
    id: "C10",
    name: "throttling is reported as SINK_THROTTLED, and nothing is lost",
    needs: ["throttle"],
    run: (bench) => expectAllFail(bench, "throttle", "SINK_THROTTLED"),
  },
  {
    id: "C11",
    name: "a partial success in a successful answer is seen",
    needs: ["throttle-one"],
    run: async (bench) => {
      const changes = fiveItems();
      const [, slow] = changes as readonly [SpecimenChange, SpecimenChange];
      await bench.fail({ kind: "throttle-one", change: slow });
      const written = await bench.write(changes);
      const others = changes.filter((change) => change !== slow);
      expectEqual(others.map(written.outcomeOf), delivered(others), "outcomes of those that were taken");
      expectThat(
        comesAgain(written, slow),
        "outcome of the throttled one",
        written.outcomeOf(slow),
        "a code that retries",
      );
      await bench.expectHeld(others);
      await expectRecovery(bench, [slow], changes);
    },
  },
  {
    id: "C12",
    name: "a target that is down fails every delivery with SINK_UNAVAILABLE and keeps the cause",
    needs: ["down"],
    run: (bench) => expectAllFail(bench, "down", "SINK_UNAVAILABLE"),
  },
  {
    id: "C13",
    name: "a missing permission fails every delivery with SINK_DENIED, so that nothing is dead-lettered",
    needs: ["deny"],
    run: (bench) => expectAllFail(bench, "deny", "SINK_DENIED"),
  },
  {
    id: "C15",
    name: "a connection lost after the send is a failure, and repeating converges",
    needs: ["drop-after-send"],
    run: async (bench) => {
      const changes = fiveItems();
      await bench.fail({ kind: "drop-after-send" });
      const written = await bench.write(changes);
      const again = changes.filter((change) => comesAgain(written, change));
      expectEqual(again.length, changes.length, "deliveries that come again");
      await expectRecovery(bench, changes, changes);
    },
  },
  {
    id: "C16",
    name: "an idle connection that the target closed is survived",
    needs: ["close-idle"],
    run: async (bench) => {
      const table = specimenTable();
      const [first, second] = [table.put("a"), table.put("b")];
      await bench.write([first]);
      await bench.fail({ kind: "close-idle" });
      const outcome = (await bench.write([second])).outcomeOf(second);
      const isQuick = outcome === "delivered" || (outcome !== "superseded" && isTransient(outcome));
      expectThat(isQuick, "outcome over the closed connection", outcome, "delivered, or a code worth a second try");
      const again = outcome === "delivered" ? outcome : (await bench.write([second])).outcomeOf(second);
      expectThat(again === "delivered" || again === "superseded", "outcome of the second try", again, "delivered");
      await bench.expectHeld([first, second], "allowed");
    },
  },
  {
    id: "C17",
    name: "concurrent writes do not mix their failures",
    needs: ["refuse"],
    run: async (bench) => {
      const table = specimenTable();
      const batches = ["left", "right", "third"].map((call) =>
        ["a", "b", "c"].map((name) => table.put(`${call}-${name}`)),
      );
      const poison = batches[1]?.[1] as SpecimenChange;
      await bench.fail({ kind: "refuse", change: poison });
      const calls = await Promise.all(batches.map((batch) => bench.write(batch)));
      const unwell = batches.flatMap((batch, call) =>
        batch.filter((change) => calls[call]?.outcomeOf(change) !== "delivered"),
      );
      expectEqual(
        unwell.map(({ keys }) => keys.pk),
        [poison.keys.pk],
        "keys of the deliveries that failed",
      );
      await bench.expectHeld(batches.flat().filter((change) => change !== poison));
    },
  },
];
