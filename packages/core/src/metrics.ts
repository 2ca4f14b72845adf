// The entry point `@sluice/core/metrics`: observers that write metrics or log lines, and what an observer of one's own needs.

export { type DeliveryLogOptions, deliveryLog } from "./observe/delivery-log.ts";
export type { DeliveryReport } from "./observe/delivery-report.ts";
export { dimensionValue, type EmfOptions, emfMetrics, routeMetricNames } from "./observe/emf.ts";
export { deliveryChannel } from "./observe/observe.ts";
export type { Observer } from "./observe/observer.ts";
export { type PowertoolsMetrics, powertoolsMetrics } from "./observe/powertools-metrics.ts";
