// Reports as metrics of Powertools for AWS Lambda.

import { ConfigError } from "../errors.ts";
import { checkClient } from "../sink/option.ts";
import { dimensionValue, measuredRoutes, routeMetrics } from "./emf.ts";
import type { Observer } from "./observer.ts";

/** The part of Powertools' `Metrics` that the observer uses. */
export interface PowertoolsMetrics {
  readonly addDimension: (name: string, value: string) => unknown;
  readonly addMetric: (name: string, unit: "Milliseconds" | "Count", value: number) => unknown;
  readonly hasStoredMetrics: () => boolean;
  readonly publishStoredMetrics: () => void;
}

/**
 * An observer that publishes the metrics of `emfMetrics` by Powertools, one line for each route. Powertools adds its own
 * dimension `service`, so that the alarms of the constructs, which look for `function` and `route` alone, need `emfMetrics`.
 * @param metrics an instance that only this observer uses: `new Metrics({ namespace: "Orders", serviceName: "orders" })`.
 * The observer throws, and publishes nothing, if the instance has metrics that others stored.
 * @throws {ConfigError} CONFIG_INVALID when `metrics` is no such instance.
 */
export const powertoolsMetrics = (metrics: PowertoolsMetrics): Observer => {
  for (const method of methods) checkClient(metrics ?? null, method, "an instance of Powertools' Metrics", "metrics");
  return observerOf(metrics);
};

const methods = ["addDimension", "addMetric", "hasStoredMetrics", "publishStoredMetrics"] as const;

const observerOf = (metrics: PowertoolsMetrics): Observer => ({
  onInvocation: (report) => {
    for (const [route, measured] of measuredRoutes(report)) {
      if (metrics.hasStoredMetrics()) {
        throw new ConfigError(
          "CONFIG_INVALID",
          "powertoolsMetrics: the Metrics instance has stored metrics; expected an instance that only this observer uses",
        );
      }
      metrics.addDimension("function", dimensionValue(process.env.AWS_LAMBDA_FUNCTION_NAME ?? report.pipeline));
      metrics.addDimension("route", dimensionValue(route));
      for (const { name, unit, value } of routeMetrics(measured)) metrics.addMetric(name, unit, value);
      metrics.publishStoredMetrics();
    }
  },
});
