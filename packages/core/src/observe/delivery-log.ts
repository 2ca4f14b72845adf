// A line in the function's log for each delivery with another outcome than the usual one, by which `sluice trace` tells what
// happened to an item.

import type { Outcome } from "../delivery/delivery-result.ts";
import { checkOptionNames, invalidOption } from "../sink/option.ts";
import type { Observer } from "./observer.ts";
import { outcomes as known } from "./outcomes.ts";

/** Options of `deliveryLog`. */
export interface DeliveryLogOptions {
  /**
   * Outcomes of the deliveries that are logged. Default `superseded`, `rejected` and `retried`. A line has about 300 bytes:
   * `delivered` and `filtered` may cost more than the rest of the function.
   */
  readonly outcomes?: readonly Outcome[];
  /** Writes a line. Default: to standard output. */
  readonly write?: (line: string) => void;
}

/**
 * An observer that logs deliveries, one line of JSON each: `{"message":"delivery","eventId":…,"route":…,"outcome":…}`. A line
 * has neither a value nor a key of the item.
 * @throws {ConfigError} CONFIG_INVALID when an option is unknown, `outcomes` has another text, or `write` is no function.
 */
export const deliveryLog = (options: DeliveryLogOptions = {}): Observer => {
  checkOptionNames<DeliveryLogOptions>("deliveryLog", options, { outcomes: true, write: true });
  const { outcomes = ["superseded", "rejected", "retried"], write = (line) => process.stdout.write(`${line}\n`) } =
    options;
  if (!Array.isArray(outcomes) || outcomes.some((outcome) => !known.includes(outcome))) {
    throw invalidOption("outcomes", `must be a list of ${known.join(", ")}`);
  }
  if (typeof write !== "function") throw invalidOption("write", "must be a function");
  const logged: ReadonlySet<Outcome> = new Set(outcomes);
  return {
    // A promise is returned, so that its rejection is handled. Otherwise it would end the process.
    onDelivery: (delivery) =>
      logged.has(delivery.outcome)
        ? write(JSON.stringify({ level: "INFO", message: "delivery", ...delivery }))
        : undefined,
  };
};
