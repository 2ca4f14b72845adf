// The name of a sink's target. Core compares the names of sinks, to find sinks that write an item to the same place.

import { keySources, objectNumber } from "@sluice/core/sink-kit";
import type { DynamodbSettings } from "../options.ts";

/** Returns how the target's key is made as a text. Two functions are different, even if they have the same code. */
const keyName = ({ key, movingKey }: DynamodbSettings): string => {
  const make = movingKey ?? key;
  if (typeof make === "function") return `function ${objectNumber(make)}`;
  const sources = keySources(make);
  return sources === undefined ? "same names" : JSON.stringify([...sources].sort());
};

/** Returns `Sink.target`. Sinks with different keys write an item to different places, even in one table. */
export const targetName = (settings: DynamodbSettings): string => {
  const { client, table, guardAttribute } = settings;
  const clientName = client === undefined ? "default client" : `client ${objectNumber(client)}`;
  return ["dynamodb", table, clientName, guardAttribute, keyName(settings)].join(" | ");
};
