// The targets of the user's pipeline, and how the doctor waits for them.

import { ConfigError, type Sink, SinkError } from "@sluice/core/sink-kit";
import type { Facts } from "../facts.ts";
import type { Area, Finding } from "../finding.ts";

/** A sink of a route, and the name of the route. */
export interface Target {
  readonly route: string;
  readonly sink: Sink<never>;
}

/** Each target once: routes may share one. */
export const targetsOf = ({ pipeline }: Pick<Facts, "pipeline">): readonly Target[] => {
  const targets = new Map<unknown, Target>();
  for (const { name, sink } of pipeline?.routes ?? []) {
    const key = sink.target ?? sink;
    if (!targets.has(key)) targets.set(key, { route: name, sink });
  }
  return [...targets.values()];
};

/** How long the doctor waits for a target, in milliseconds. */
export const patienceMs = 10_000;

const silence = new SinkError("SINK_TIMEOUT", `no answer within ${patienceMs / 1_000} seconds`);

/** Calls a sink, whose requests have timeouts of their own, and waits for ten seconds. */
export const withPatience = async <Value>(call: () => Promise<Value>): Promise<Value> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(silence), patienceMs);
  });
  try {
    return await Promise.race([call(), late]);
  } finally {
    clearTimeout(timer);
  }
};

/** Messages of our own errors have no values of items. Other errors may have. */
const textOf = (error: unknown): string => {
  if (error instanceof SinkError || error instanceof ConfigError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.name : typeof error;
};

/** Whether a target, or a part of it, does not exist. */
export const isMissing = (error: unknown): error is SinkError =>
  error instanceof SinkError && error.code === "SINK_MISSING";

/** A target may be reachable for the function alone: that is not a fault. */
export const unreachable = (area: Area, route: string, error: unknown): Finding => ({
  code: "TARGET_UNREACHABLE",
  area,
  level: "unknown",
  resource: route,
  found: textOf(error),
  expected: "a target that answers this machine",
  fix: "Run sluice doctor where the function's network and credentials reach the target.",
});
