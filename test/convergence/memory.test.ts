// Tests convergence with the memory sink. The suite compares all other sinks with the results of this simple sink.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, test } from "@jest/globals";
import { type InvocationReport, reportChannel } from "@sluice/core";
import { attributeToJson, type Image, type Sink, toJson } from "@sluice/core/sink-kit";
import { memoryUpsertSink, type SpecimenItem } from "@sluice/testing";
import type { RecordMutation } from "./backfill.ts";
import { divergences } from "./converge.ts";
import { chosen, fewer, testConvergence, testMutant } from "./runs.ts";
import type { Copy, Target } from "./target.ts";
import { versionMutants } from "./version-mutants.ts";

type Write = Sink<SpecimenItem, "upsert">;

const copyOf = (item: SpecimenItem): Copy => ({
  revision: String(item.revision),
  note: item.note ?? null,
  amount: item.amount === undefined ? null : String(item.amount),
  payload: item.payload === undefined ? null : toJson(item.payload, "literal"),
});

const copyOfImage = ({ revision, note, amount, payload }: Image): Copy => ({
  revision: revision === undefined ? null : attributeToJson(revision),
  note: note !== undefined && "S" in note ? note.S : null,
  amount: amount !== undefined && "N" in amount ? amount.N : null,
  payload: payload === undefined ? null : attributeToJson(payload),
});

const open = async (mutate: (sink: Write) => Write = (sink) => sink): Promise<Target<SpecimenItem>> => {
  const memory = memoryUpsertSink<SpecimenItem>();
  return {
    variants: [{ sink: mutate(memory), map: ({ after }) => after }],
    readAll: async () => new Map([...memory.items().values()].map((item) => [item.pk, copyOf(item)])),
    copyOf: copyOfImage,
    close: async () => undefined,
  };
};

describe("the memory sink", () => {
  testConvergence(() => open());
  testConvergence(() => open(), "backfill", fewer);

  test("the histories reach every outcome, from the stream and from the dead-letter queue", async () => {
    const reached = new Set<string>();
    const note = (message: unknown): void => {
      const { origin, routes } = message as InvocationReport;
      for (const counts of Object.values(routes)) {
        for (const outcome of outcomes) if (counts[outcome] > 0) reached.add(`${origin} ${outcome}`);
      }
    };
    const outcomes = ["delivered", "filtered", "received", "rejected", "retried", "superseded"] as const;
    const expected = ["redrive", "stream"].flatMap((origin) => outcomes.map((outcome) => `${origin} ${outcome}`));
    subscribe(reportChannel, note);
    // Only few dead letters are rejected a second time, so several hundred histories may be needed to see all outcomes.
    for (let played = 0; played < 1000 && reached.size < expected.length; played += 100) {
      await divergences(await open(), { seed: chosen.seed + played, runs: 100 });
    }
    unsubscribe(reportChannel, note);
    expect([...reached].sort()).toEqual(expected);
  });
});

/** Backfills whose records have the wrong version. */
const backfillMutants: Readonly<Record<string, string>> = {
  "gets backfills that all have one rank": "0",
  "gets backfills that are newer than the stream": "9".repeat(30),
};

describe("the memory sink with a defect", () => {
  for (const [name, SequenceNumber] of Object.entries(backfillMutants)) {
    const mutate: RecordMutation = (record) => ({ ...record, dynamodb: { ...record.dynamodb, SequenceNumber } });
    testMutant(name, () => open(), "backfill", mutate);
  }
  for (const [name, mutate] of Object.entries(versionMutants)) testMutant(name, () => open(mutate));
});
