// Measures the CPU time of core for one change, from the parsed event to the response. The sinks do no work, so only
// the time of core counts.

import { type PipelineHandler, pipeline } from "@sluice/core";
import { type Delivery, delivered, type Sink, type WriteMode } from "@sluice/core/sink-kit";
import { filmsUpTo, texts, updateEvents } from "../films.ts";
import { table } from "../markdown.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import { type Contender, compete } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite } from "../suite.ts";

const modes = ["upsert", "append"] as const satisfies readonly WriteMode[];

const emptySink = <Writes extends WriteMode>(writes: Writes): Sink<unknown, Writes> => ({
  name: writes,
  supports: { writes },
  write: async (batch) => batch.map((delivery) => delivered(delivery as Delivery)),
});

/** The handlers to measure. The mapper of each handler reads the item, so that the time includes decoding. */
const handlers: Readonly<Record<WriteMode, () => PipelineHandler>> = {
  upsert: () =>
    base()
      .to(emptySink("upsert"), (change) => ({ title: change.after.Title, item: change.after }))
      .handler(),
  append: () =>
    base()
      .to(emptySink("append"), (change) => ({ kind: change.kind, item: change.after }), { dedupe: "none" })
      .handler(),
};

const base = () => pipeline("films", { onReject: "block", logger: silent });

const contender = (mode: WriteMode, events: readonly string[]): Contender<"update"> => {
  const handler = handlers[mode]();
  return {
    name: mode,
    prepare: (_, batch) => {
      const event: unknown = JSON.parse(events[batch] ?? "");
      return () => takeAll(mode, handler, event);
    },
  };
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The suite that measures the CPU time of core for a change. */
export const coreSuite: Suite = {
  name: "core",
  run: async ({ rounds, batchSize, batches }) => {
    const count = batchSize * batches;
    const events = texts(updateEvents(await filmsUpTo(count), batchSize));
    const times = await compete(
      modes.map((mode) => contender(mode, events)),
      { mixes: ["update"], batches, rounds, warmups: 10, clockMs: cpuMs },
    );
    const microseconds = (mode: WriteMode): number => rounded((1000 * times.median(mode, "update")) / count);
    const costs = modes.map((mode) => [mode, microseconds(mode), spread(times.of(mode, "update"))] as const);
    return {
      figures: {
        "core/us-per-change": Math.max(...costs.map(([, cost]) => cost)),
        ...Object.fromEntries(costs.map(([mode, cost]) => [`core/${mode}/us-per-change`, cost])),
      },
      goals: { "core/us-per-change": { atMost: 10 } },
      lines: [
        `${rounds} rounds of ${batches} batches of ${batchSize} modifications with both images`,
        "",
        ...table(["empty sink", "µs of CPU a change", "rounds"], costs),
      ],
    };
  },
};
