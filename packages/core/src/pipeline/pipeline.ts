// A pipeline is a plain value that defines which changes go to which sinks, and with which mapping. Types flow from the
// schema through predicate and mapper to the message of the sink.

import type { Route } from "../delivery/route.ts";
import type { UnknownItem } from "../record/change.ts";
import type { EventFilter } from "../record/item-filter.ts";
import type { MappedSink, Mapper, Sink, WriteMode } from "../sink/sink.ts";
import { eventFiltersOf } from "./event-filters.ts";
import { handlerOf, type PipelineHandler } from "./handler.ts";
import {
  invalid,
  type PipelineOptions,
  type PipelineSettings,
  pipelineSettings,
  type RejectPolicy,
} from "./options.ts";
import { checkedRoute, type Predicate, type RouteOptions } from "./route-options.ts";
import { type PipelineTarget, targetsOf } from "./targets.ts";

/** A pipeline, and the calls that extend it. Every call returns a new pipeline. */
export interface Pipeline<Base, Item = Base> {
  readonly name: string;
  /** Names or ARNs of the tables that the pipeline replicates; empty without the option `source`. */
  readonly tables: readonly string[];
  readonly routes: readonly Pick<Route, "name" | "sink" | "dedupe" | "retryIn" | "predicate" | "removals">[];
  /** Adds a route. The mapper returns the message of a change, or undefined if the item has no copy in the target. */
  readonly to: AddRoute<Base, Item>;
  /** Routes added later get only items for which the predicate is true. The next `when` replaces the predicate. */
  readonly when: AddFilter<Base>;
  /**
   * The Lambda handler.
   * @throws {ConfigError} CONFIG_INVALID when the pipeline has no route.
   */
  readonly handler: () => PipelineHandler;
  /**
   * Returns filters for the event source mapping, with which Lambda does not call the function for items that no route wants.
   * @throws {ConfigError} CONFIG_INVALID when a route has no filter of `matching`, or may act on other items for another reason.
   */
  readonly eventFilters: () => readonly EventFilter[];
  /** Returns the targets of the upsert routes, for programs that compare them with the table, as `sluice verify` does. */
  readonly targets: () => readonly PipelineTarget[];
}

/** Adds a route to a pipeline. */
export interface AddRoute<Base, Item> {
  /** Adds a sink that has its own mapper. */
  <Message, Writes extends WriteMode>(sink: MappedSink<Message, Writes>): Pipeline<Base, Item>;
  /** Adds a sink with a mapper. For a sink that has its own mapper, the options may follow the sink. */
  <Message, Writes extends WriteMode, Given extends Sink<Message, Writes> = Sink<Message, Writes>>(
    sink: Given & Sink<Message, Writes>,
    map: Mapper<Item, NoInfer<Message>, Writes> | OptionsOfMapped<Given, Item, NoInfer<Message>>,
    options?: RouteOptions<Item, NoInfer<Message>>,
  ): Pipeline<Base, Item>;
}

/**
 * The options of a route whose sink has its own mapper; never for other sinks. With two overloads of two arguments,
 * TypeScript would report a wrong mapper as a sink without `map`. With one, it reports the wrong member of the message.
 */
type OptionsOfMapped<Given, Item, Message> = Given extends { readonly map: unknown }
  ? RouteOptions<Item, Message>
  : never;

/** Adds a filter: the routes that are added later get only the items for which the predicate is true. */
export interface AddFilter<Base> {
  <Narrow extends Base>(predicate: (item: Base) => item is Narrow): Pipeline<Base, Narrow>;
  (predicate: (item: Base) => boolean): Pipeline<Base, Base>;
}

const pipelineOf = <Base, Item>(settings: PipelineSettings, predicate: Predicate | undefined): Pipeline<Base, Item> =>
  Object.freeze({
    name: settings.name,
    tables: settings.source.map(({ table }) => table),
    routes: settings.routes,
    to: (...args: readonly unknown[]) => {
      const routes = [...settings.routes, checkedRoute(settings, predicate, args)];
      return pipelineOf<Base, Item>({ ...settings, routes }, predicate);
    },
    when: (next: (item: Base) => boolean) => {
      if (typeof next !== "function") {
        throw invalid(`[${settings.name}] the argument of when() is ${typeof next}; expected a function`);
      }
      return pipelineOf<Base, never>(settings, next as Predicate);
    },
    handler: () => {
      if (settings.routes.length > 0) return handlerOf(settings);
      throw invalid(`[${settings.name}] the pipeline has no route; expected to(sink, mapper)`);
    },
    eventFilters: () => eventFiltersOf(settings.name, settings.routes),
    targets: () => targetsOf(settings),
  });

/**
 * A pipeline without routes yet.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong, or neither `deadLetterQueue` nor `onReject` is stated.
 * @example
 * export const handler = pipeline("orders", { deadLetterQueue: sqsDeadLetterQueue({ queueUrl }) })
 *   .to(postgresSink({ pool, table: "orders" }), (change) => ({ total: change.after.total }))
 *   .handler();
 */
export const pipeline = <Item = UnknownItem>(
  name: string,
  options: PipelineOptions<Item> & RejectPolicy,
): Pipeline<Item> => pipelineOf<Item, Item>(pipelineSettings(name, options), undefined);
