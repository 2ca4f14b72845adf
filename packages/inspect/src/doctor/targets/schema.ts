// Whether a target has what its sink needs. The sink itself compares: ensure({ apply: false }) only reads.

import { ConfigError, type Maintenance, type Sink, SinkError } from "@sluice/core/sink-kit";
import type { Finding } from "../finding.ts";

const area = "target";

/** A sink of a route, and the name of the route. */
export interface Target {
  readonly route: string;
  readonly sink: Sink<never>;
}

type WithEnsure = Pick<Maintenance, "ensure">;

const hasEnsure = (sink: object): sink is WithEnsure => typeof (sink as Partial<WithEnsure>).ensure === "function";

const patienceMs = 10_000;

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

/** TTL is judged as a tombstone's, whether or not the user's module is known. */
const isTtl = (change: string): boolean => change.startsWith("UpdateTimeToLive ");

const incomplete = (route: string, changes: readonly string[]): Finding => ({
  code: "TARGET_INCOMPLETE",
  area,
  level: "fail",
  resource: route,
  found: `the target lacks ${changes.length === 1 ? "a part" : `${changes.length} parts`} that the sink needs`,
  expected: "a target for which ensure() has nothing to do",
  fix: `Call ensure() of the sink, with the rights to change the target. It sends: ${changes.join(";\n")}`,
});

/** Messages of our own errors have no values of items. Other errors may have. */
const textOf = (error: unknown): string => {
  if (error instanceof SinkError || error instanceof ConfigError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.name : typeof error;
};

const unusable = (code: "TARGET_CONTRADICTS" | "TARGET_MISSING", route: string, error: Error): Finding => ({
  code,
  area,
  level: "fail",
  resource: route,
  found: error.message,
  expected:
    code === "TARGET_MISSING" ? "the target that the route writes" : "a target that fits the options of the sink",
  fix:
    code === "TARGET_MISSING"
      ? "Create the target, for example with ensure() of the sink, or correct the sink's options."
      : "Change the option, or the target, as the message says.",
});

/** A target may be reachable for the function alone: that is not a fault. */
export const unreachable = (route: string, error: unknown): Finding => ({
  code: "TARGET_UNREACHABLE",
  area,
  level: "unknown",
  resource: route,
  found: textOf(error),
  expected: "a target that answers this machine",
  fix: "Run sluice doctor where the function's network and credentials reach the target.",
});

const failureOf = (route: string, error: unknown): Finding => {
  if (error instanceof ConfigError && error.code === "CONFIG_INVALID") {
    return unusable("TARGET_CONTRADICTS", route, error);
  }
  if (error instanceof SinkError && error.code === "SINK_MISSING") return unusable("TARGET_MISSING", route, error);
  return unreachable(route, error);
};

/** Compares a target with what its sink needs. Sinks without `ensure` have nothing to compare. */
export const schemaFindings = async ({ route, sink }: Target): Promise<readonly Finding[]> => {
  if (!hasEnsure(sink)) return [];
  try {
    const changes = await withPatience(() => sink.ensure({ apply: false }));
    const missing = changes.filter((change) => !isTtl(change));
    return missing.length === 0 ? [] : [incomplete(route, missing)];
  } catch (error) {
    return [failureOf(route, error)];
  }
};
