// The entry point `@sluice/core/metrics`: observers that write metrics.

export { dimensionValue, type EmfOptions, emfMetrics, routeMetricNames } from "./observe/emf.ts";
