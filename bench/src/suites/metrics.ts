// Measures what observers cost: the CPU time of core for a change, with and without them. The sink does no work. All
// contenders run in one process, in interleaved rounds.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { closeSync, openSync, writeSync } from "node:fs";
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { type PipelineHandler, pipeline } from "@sluice/core";
import { deliveryChannel, emfMetrics, type Observer } from "@sluice/core/metrics";
import { otelMetrics } from "@sluice/core/opentelemetry";
import { type Delivery, delivered, type Sink } from "@sluice/core/sink-kit";
import { filmsUpTo, texts, updateEvents } from "../films.ts";
import { table } from "../markdown.ts";
import { costTable, failingLine, usualLine } from "../metric-costs.ts";
import { silent, takeAll } from "../pipeline-handler.ts";
import { type Contender, compete } from "../rounds.ts";
import { rounded, spread } from "../statistics.ts";
import type { Suite } from "../suite.ts";

/** The loads: full batches, and invocations with one change each. */
const loads = ["full", "single"] as const;
type Load = (typeof loads)[number];

const entrants = ["none", "emf", "otel", "listener"] as const;
type Entrant = (typeof entrants)[number];

/** The number of invocations of a timed batch with the load `single`. */
const singles = 200;

const emptySink: Sink<unknown, "upsert"> = {
  name: "empty",
  supports: { writes: "upsert" },
  write: async (batch) => batch.map((delivery) => delivered(delivery as Delivery)),
};

const handlerWith = (observers: readonly Observer[]): PipelineHandler =>
  pipeline("films", { onReject: "block", logger: silent, observers })
    .to(emptySink, (change) => ({ title: change.after.Title, item: change.after }))
    .handler();

/** How an entrant observes. */
interface Observation {
  readonly observers: readonly Observer[];
  /** Called before and after the timed work of a batch. */
  readonly begin?: () => void;
  readonly end?: () => void;
  /** Called at the end of each invocation. It is timed. */
  readonly flush?: () => Promise<void>;
}

/** The lines go to the null device, as a function writes them to standard output. */
const emf = (device: number): Observation => ({
  observers: [emfMetrics({ functionName: "films", write: (line) => writeSync(device, `${line}\n`) })],
});

/** An exporter that sends nothing. The provider is flushed after each invocation, as a Lambda function must do. */
const otel = (): Observation => {
  const exporter: PushMetricExporter = {
    export: (_, done) => done({ code: 0 }),
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 86_400_000 });
  const provider = new MeterProvider({ readers: [reader] });
  return { observers: [otelMetrics(provider.getMeter("films"))], flush: () => provider.forceFlush() };
};

/** A listener of the channel of deliveries, which counts them. It listens only while its own handler runs. */
const listener = (): Observation => {
  let count = 0;
  const onDelivery = (): void => {
    count += 1;
  };
  return {
    observers: [],
    begin: () => subscribe(deliveryChannel, onDelivery),
    end: () => {
      unsubscribe(deliveryChannel, onDelivery);
      if (count === 0) throw new Error("the listener got no delivery; expected one for each change");
    },
  };
};

const contender = (
  name: Entrant,
  { observers, begin, end, flush }: Observation,
  events: Readonly<Record<Load, readonly string[]>>,
): Contender<Load> => {
  const handler = handlerWith(observers);
  const handleAll = async (parsed: readonly unknown[]): Promise<void> => {
    for (const event of parsed) {
      await takeAll(name, handler, event);
      await flush?.();
    }
  };
  return {
    name,
    prepare: (load, batch) => {
      const size = load === "full" ? 1 : singles;
      const parsed = events[load].slice(batch * size, (batch + 1) * size).map((text): unknown => JSON.parse(text));
      begin?.();
      return () => handleAll(parsed).finally(() => end?.());
    },
  };
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** The suite that measures what observers cost. */
export const metricsSuite: Suite = {
  name: "metrics",
  run: async ({ rounds, batchSize, batches }) => {
    const device = openSync("/dev/null", "w");
    const films = await filmsUpTo(Math.max(batchSize, singles) * batches);
    const events = {
      full: texts(updateEvents(films.slice(0, batchSize * batches), batchSize)),
      single: texts(updateEvents(films.slice(0, singles * batches), 1)),
    };
    const observations: Readonly<Record<Entrant, Observation>> = {
      none: { observers: [] },
      emf: emf(device),
      otel: otel(),
      listener: listener(),
    };
    const times = await compete(
      entrants.map((name) => contender(name, observations[name], events)),
      { mixes: loads, batches, rounds, warmups: 10, clockMs: cpuMs },
    );
    closeSync(device);
    const changes: Readonly<Record<Load, number>> = { full: batchSize * batches, single: singles * batches };
    const microseconds = (name: Entrant, load: Load): number =>
      rounded((1000 * times.median(name, load)) / changes[load]);
    const ratio = (name: Entrant, load: Load): number => rounded(times.median(name, load) / times.median("none", load));
    const cells = loads.flatMap((load) => entrants.map((name) => ({ load, name })));
    return {
      figures: Object.fromEntries([
        ...cells.map(({ load, name }) => [`metrics/${load}/${name}/us-per-change`, microseconds(name, load)] as const),
        ...cells
          .filter(({ name }) => name !== "none")
          .map(({ load, name }) => [`metrics/${load}/${name}/vs-none`, ratio(name, load)] as const),
        ["metrics/emf/bytes-per-line", usualLine.bytes],
        ["metrics/emf/failing/bytes-per-line", failingLine.bytes],
      ]),
      goals: { "metrics/full/emf/vs-none": { atMost: 1.1 } },
      lines: [
        `${rounds} rounds of ${batches} batches: a full batch has ${batchSize} modifications; a single batch is ${singles} invocations with one modification each`,
        "",
        ...table(
          ["observer", "load", "µs of CPU a change", "rounds", "times none"],
          cells.map(({ load, name }) => [
            name,
            load,
            microseconds(name, load),
            spread(times.of(name, load)),
            ratio(name, load),
          ]),
        ),
        "",
        `A usual line has ${usualLine.bytes} bytes (${usualLine.metrics.join(", ")}); a line of an outage has ${failingLine.bytes} (${failingLine.metrics.join(", ")}).`,
        "",
        ...costTable(),
      ],
    };
  },
};
