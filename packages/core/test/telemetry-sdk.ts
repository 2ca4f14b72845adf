// OpenTelemetry's SDK with exporters whose data a test can read.

import type { Meter, Tracer } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

/** One exported value of a metric. `value` is the sum of a counter, or of a histogram. */
export interface Point {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number;
  /** Number of values in a histogram. */
  readonly count?: number;
}

/** A meter, and a function that exports and returns all its values. */
export const memoryMeter = (): { readonly meter: Meter; readonly points: () => Promise<readonly Point[]> } => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  const points = async (): Promise<readonly Point[]> => {
    await provider.forceFlush();
    const exported =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    await provider.shutdown();
    return exported.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => {
        if (typeof value === "number") return { name, unit, attributes, value };
        const { sum = 0, count } = value as Histogram;
        return { name, unit, attributes, value: sum, count };
      }),
    );
  };
  return { meter: provider.getMeter("test"), points };
};

/** A tracer, and the exporter that has its ended spans. */
export const memoryTracer = (): { readonly tracer: Tracer; readonly exporter: InMemorySpanExporter } => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { tracer: provider.getTracer("test"), exporter };
};
