// Whether a target has what its sink needs. The sink itself compares: ensure({ apply: false }) only reads.

import { ConfigError, type Maintenance } from "@sluice/core/sink-kit";
import type { Finding } from "../finding.ts";
import { isMissing, type Target, unreachable, withPatience } from "./target.ts";

const area = "target";

type WithEnsure = Pick<Maintenance, "ensure">;

const hasEnsure = (sink: object): sink is WithEnsure => typeof (sink as Partial<WithEnsure>).ensure === "function";

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

const failureOf = (route: string, error: unknown): Finding => {
  if (error instanceof ConfigError && error.code === "CONFIG_INVALID") {
    return unusable("TARGET_CONTRADICTS", route, error);
  }
  if (isMissing(error)) return unusable("TARGET_MISSING", route, error);
  return unreachable(area, route, error);
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
