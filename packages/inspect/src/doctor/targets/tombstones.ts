// Whether tombstones in the targets end: by TTL, or by purge(). The rules judge the dedupe table.

import { type Answer, ask, knownValue } from "../../aws/answer.ts";
import type { Clients } from "../../aws/clients.ts";
import { command } from "../command.ts";
import type { Facts } from "../facts.ts";
import type { Check, Finding } from "../finding.ts";
import { judgeAnswer } from "../live/answered.ts";
import { isMissing, patienceMs, type Target, targetsOf, unreachable, withPatience } from "./target.ts";

const area = "tombstones";

/** What the check of tombstones needs to know. */
export interface TombstoneFacts extends Pick<Facts, "pipeline"> {
  readonly clients: Pick<Clients, "dynamodb">;
  readonly function: Pick<Facts["function"], "variables">;
}

/** The default of the sink's option `ttlAttribute`. */
const sinkAttribute = "_sluice_expires";

const expiresIn = ({ dynamodb }: TombstoneFacts["clients"], TableName: string): Promise<Answer<boolean | undefined>> =>
  ask<boolean | undefined>(
    "dynamodb:DescribeTimeToLive",
    async (abortSignal) => {
      const { TimeToLiveDescription } = await dynamodb.describeTimeToLive({ TableName }, { abortSignal });
      return /^ENABL/.test(TimeToLiveDescription?.TimeToLiveStatus ?? "");
    },
    () => undefined,
  );

const ttlMissing = (table: string): Finding => ({
  code: "TTL_MISSING",
  area,
  level: "fail",
  resource: table,
  found: "TTL is off",
  expected: `TTL on the attribute ${sinkAttribute}, or that of the sink's option ttlAttribute: without it, tombstones are never deleted`,
  fix: command(
    ...["aws", "dynamodb", "update-time-to-live", "--table-name", table],
    ...["--time-to-live-specification", `Enabled=true,AttributeName=${sinkAttribute}`],
  ),
});

/** The tables that the pipeline's DynamoDB sinks write. */
const targetTables = ({ pipeline, function: { variables } }: TombstoneFacts): readonly string[] => {
  const routes = pipeline?.routes.flatMap(({ sink: { resource } }) =>
    resource?.service === "dynamodb" ? [resource.address] : [],
  );
  const named = knownValue(variables)?.resources.get("TARGET_TABLE");
  return [...new Set([...(routes ?? []), ...(named === undefined ? [] : [named])])];
};

const dayMs = 86_400_000;

/** `purge` deletes tombstones after 30 days by default. */
const unpurgedDays = 60;

const unpurged = (route: string, days: number): Finding => ({
  code: "TOMBSTONES_NOT_PURGED",
  area,
  level: "warn",
  resource: route,
  found: `the oldest tombstone in the target is ${days} days old`,
  expected: "a daily purge(), which deletes tombstones after 30 days",
  fix: "Call purge() of the sink each day, for example from a scheduled function.",
});

const purgeFindings = async ({ route, sink }: Target): Promise<readonly Finding[]> => {
  try {
    const context = { signal: AbortSignal.timeout(patienceMs), remainingMs: () => patienceMs };
    const oldest = await withPatience(async () => sink.oldestTombstone?.(context));
    const days = oldest === undefined ? 0 : Math.floor((Date.now() - oldest.getTime()) / dayMs);
    return days >= unpurgedDays ? [unpurged(route, days)] : [];
  } catch (error) {
    // A target that is not there has no tombstones.
    return isMissing(error) ? [] : [unreachable(area, route, error)];
  }
};

/** The check of tombstones. */
export const tombstonesCheck: Check<TombstoneFacts> = {
  area,
  codes: ["TTL_MISSING", "TOMBSTONES_NOT_PURGED", "TARGET_UNREACHABLE"],
  findings: async (facts) => {
    const tables = targetTables(facts).map(async (table) =>
      judgeAnswer(await expiresIn(facts.clients, table), [area, table], (expires) =>
        expires === false ? [ttlMissing(table)] : [],
      ),
    );
    return (await Promise.all([...tables, ...targetsOf(facts).map(purgeFindings)])).flat();
  },
};
