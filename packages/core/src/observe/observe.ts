// Gives the reports of an invocation to the pipeline's observers, and to the listeners of two diagnostics channels.

import { channel } from "node:diagnostics_channel";
import { types } from "node:util";
import type { RouteResult } from "../delivery/delivery-result.ts";
import { ConfigError } from "../errors.ts";
import type { Invocation } from "../intake/invocation.ts";
import type { PipelineLogger } from "../logger.ts";
import type { Change } from "../record/change.ts";
import { describeThrown } from "../sink/encoding-error.ts";
import { eachDelivery } from "./delivery-report.ts";
import { emfMetrics, isWatched } from "./emf.ts";
import type { Observer } from "./observer.ts";
import type { InvocationReport } from "./report.ts";

/** Name of the `node:diagnostics_channel` on which each invocation publishes its `InvocationReport`. */
export const reportChannel = "sluice:invocation";

/** Name of the `node:diagnostics_channel` on which each delivery publishes its `DeliveryReport`. */
export const deliveryChannel = "sluice:delivery";

const reports = channel(reportChannel);
const deliveries = channel(deliveryChannel);

const invalid = (message: string): ConfigError => new ConfigError("CONFIG_INVALID", message);

const isObserver = (value: unknown): value is Observer => {
  const { onInvocation, onDelivery } = (value ?? {}) as Observer;
  return [onInvocation, onDelivery].some((method) => typeof method === "function");
};

/** The observers that the environment variable `SLUICE_METRICS` asks for. The constructs set the variable. */
const observersOfEnvironment = (): readonly Observer[] => {
  const { SLUICE_METRICS: metrics } = process.env;
  if (metrics === undefined || metrics === "" || metrics === "none") return [];
  if (metrics === "emf") return [emfMetrics()];
  throw invalid("SLUICE_METRICS has an unknown value; expected emf or none");
};

/**
 * Returns the observers of a pipeline: the given ones, and the one that the environment asks for. So a pipeline that adds
 * traces keeps the metrics, without which the alarms would be silent. Two observers would count each delivery twice.
 * @throws {ConfigError} CONFIG_INVALID when `observers` is no list of observers, or SLUICE_METRICS has an unknown value.
 */
export const checkedObservers = (observers: readonly Observer[] | undefined): readonly Observer[] => {
  const asked = observersOfEnvironment();
  if (observers === undefined) return asked;
  if (!Array.isArray(observers)) throw invalid(`observers is ${typeof observers}; expected a list of observers`);
  const wrong = observers.findIndex((observer) => !isObserver(observer));
  if (wrong >= 0)
    throw invalid(`observers[${wrong}] has no onInvocation and no onDelivery; expected emfMetrics() or such`);
  return observers.some(isWatched) ? [...observers] : [...asked, ...observers];
};

/** The settings that observation needs. */
export interface Observed {
  readonly name: string;
  readonly logger: PipelineLogger;
  readonly observers: readonly Observer[];
}

/** Calls an observer. */
type Notify = (observer: Observer, call: () => unknown) => void;

/**
 * Returns a function that calls observers so that no error of theirs reaches the invocation. One line names the first error
 * of an observer: thousands of deliveries may fail in the same way. The line has no message, which may contain values of items.
 */
const notifier = ({ name, logger }: Observed): Notify => {
  const named = new Set<Observer>();
  const failed = (observer: Observer, error: unknown): void => {
    if (named.has(observer)) return;
    named.add(observer);
    const reason = error instanceof ConfigError ? error.message : describeThrown(error);
    logger.warn("observer failed", { pipeline: name, reason });
  };
  return (observer, call) => {
    try {
      const returned = call();
      // A rejection that has no handler ends the process.
      if (types.isPromise(returned)) returned.catch((error: unknown) => failed(observer, error));
    } catch (error) {
      failed(observer, error);
    }
  };
};

/** Publishes the reports of an invocation on both channels, and gives them to the observers. */
export const observe = (
  observed: Observed,
  report: InvocationReport,
  invocation: Invocation,
  routes: readonly Pick<RouteResult, "route" | "results" | "endedAt">[],
): void => {
  const { name, observers } = observed;
  const notify = notifier(observed);
  const each = observers.filter(({ onDelivery }) => onDelivery !== undefined);
  if (deliveries.hasSubscribers || each.length > 0) {
    eachDelivery(name, invocation, routes, (delivery, change) => {
      deliveries.publish(delivery);
      for (const observer of each)
        notify(observer, () => observer.onDelivery?.(delivery, change as Change | undefined));
    });
  }
  reports.publish(report);
  for (const observer of observers) notify(observer, () => observer.onInvocation?.(report));
};
