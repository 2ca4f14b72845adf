// What `read`, `canonical` and `keys` do when the target does not answer: they reject, and never say that it holds nothing.

import { type Case, casesFor } from "../case.ts";
import { codeOf, expectThat, mismatch, within } from "../expectation.ts";
import type { Harness, SpecimenChange } from "../harness.ts";
import { expectNoRequests, untilQuiet } from "../quiet.ts";

/** The methods must end within this time: after the signal aborts, or if the target refuses connections. */
const settleMs = 10_000;

interface Call {
  readonly name: string;
  /** Whether the method may answer without the target. */
  readonly isFree: boolean;
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
}

const callsOf = (harness: Harness, change: SpecimenChange): readonly Call[] => [
  { name: "read", isFree: false, ask: (signal) => harness.read([change], { signal }) },
  { name: "canonical", isFree: true, ask: (signal) => harness.canonical([change], { signal }) },
  { name: "keys", isFree: false, ask: (signal) => harness.keys({ parts: 1, limit: 5 }, signal) },
];

/** Asserts that the call rejects with an error of core, or that it may answer without the target. */
const expectRejection = async ({ name, isFree }: Call, asked: Promise<unknown>, when: string): Promise<void> => {
  const found = await within(settleMs, asked, `${name} ${when}`).then(
    () => "an answer",
    (error: unknown) => (codeOf(error) === undefined ? `the error ${String(error)}` : undefined),
  );
  if (found !== undefined && !(isFree && found === "an answer")) mismatch(`${name} ${when}`, found, "a SinkError");
};

/** The cases of reads that fail. */
export const unreadCases: readonly Case[] = casesFor("upsert", [
  {
    id: "U22",
    name: "if the target is not reachable, read, canonical and keys reject with a SinkError",
    needs: ["read", "keys", "down"],
    run: async (harness, table) => {
      const change = table.put("a");
      await harness.write([change]);
      await harness.fail({ kind: "down" });
      for (const call of callsOf(harness, change)) {
        await expectRejection(call, call.ask(new AbortController().signal), "of a target that is not reachable");
      }
      await harness.endFault();
      const [held] = await harness.read([change]);
      expectThat(held?.state === "live", "read after the fault", held?.state, "live");
    },
  },
  {
    id: "U22",
    name: "after the signal has aborted, read, canonical and keys make no request",
    needs: ["read", "keys"],
    run: async (harness, table) => {
      const change = table.put("a");
      await harness.write([change]);
      const before = harness.requests();
      for (const call of callsOf(harness, change)) {
        await expectRejection(call, call.ask(AbortSignal.abort()), "after the signal aborted");
      }
      await expectNoRequests(harness, before, "after the signal");
    },
  },
  {
    id: "U22",
    name: "a target that hangs does not block read, canonical and keys: they end when the signal aborts",
    needs: ["read", "keys", "hang"],
    run: async (harness, table) => {
      const change = table.put("a");
      await harness.write([change]);
      await harness.fail({ kind: "hang" });
      for (const call of callsOf(harness, change)) {
        const invocation = new AbortController();
        const asked = call.ask(invocation.signal);
        asked.catch(() => undefined);
        await untilQuiet(harness);
        const started = harness.requests();
        invocation.abort();
        await expectRejection(call, asked, "of a target that hangs");
        await expectNoRequests(harness, started, "after the signal");
      }
    },
  },
]);
