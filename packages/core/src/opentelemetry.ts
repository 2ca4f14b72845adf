// The entry point `@sluice/core/opentelemetry`: observers for OpenTelemetry. It needs the package `@opentelemetry/api`.

export { otelMetrics } from "./observe/otel-metrics.ts";
export { type OtelSpansOptions, otelSpans } from "./observe/otel-spans.ts";
