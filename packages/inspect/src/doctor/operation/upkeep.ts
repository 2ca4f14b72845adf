// Settings that an operator misses on the day on which they are needed: backups of the table, and the life of the log.

import { ask, isAnswered } from "../../aws/answer.ts";
import { command } from "../command.ts";
import { type Facts, type StreamFacts, tableAddress } from "../facts.ts";
import { type Check, type Finding, openQuestion } from "../finding.ts";
import { logGroupOf } from "../function-facts.ts";

const area = "operation";

const recoveryOff = (tableName: string): Finding => ({
  code: "RECOVERY_OFF",
  area,
  level: "warn",
  resource: tableName,
  found: "point-in-time recovery is off",
  expected: "point-in-time recovery: a backfill from an export needs it, and so does a table that was damaged",
  fix: command(
    ...["aws", "dynamodb", "update-continuous-backups", "--table-name", tableName],
    ...["--point-in-time-recovery-specification", "PointInTimeRecoveryEnabled=true"],
  ),
});

const recoveryFindings = async (facts: Facts, { streamArn, tableName }: StreamFacts): Promise<readonly Finding[]> => {
  const TableName = tableAddress(streamArn);
  const answer = await ask<string | undefined>(
    "dynamodb:DescribeContinuousBackups",
    async (abortSignal) => {
      const { ContinuousBackupsDescription: found } = await facts.clients.dynamodb.describeContinuousBackups(
        { TableName },
        { abortSignal },
      );
      return found?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
    },
    () => "ENABLED",
  );
  if (!isAnswered(answer)) return [openQuestion(area, tableName, answer.unanswered)];
  return answer.value === "ENABLED" ? [] : [recoveryOff(tableName)];
};

const retentionMissing = (group: string): Finding => ({
  code: "LOG_KEPT_FOREVER",
  area,
  level: "warn",
  resource: group,
  found: "the log group keeps its events for ever",
  expected: "a retention, which bounds what the log costs",
  fix: command("aws", "logs", "put-retention-policy", "--log-group-name", group, "--retention-in-days", "30"),
});

/** Judges the log group. It is created by the first invocation, so that it may not exist. */
const logFindings = async ({ clients, function: { name, configuration } }: Facts): Promise<readonly Finding[]> => {
  if (!isAnswered(configuration) || configuration.value === undefined) return [];
  const group = logGroupOf(name, configuration.value);
  const answer = await ask("logs:DescribeLogGroups", async (abortSignal) => {
    const { logGroups = [] } = await clients.logs.describeLogGroups({ logGroupNamePrefix: group }, { abortSignal });
    return logGroups.find(({ logGroupName }) => logGroupName === group);
  });
  if (!isAnswered(answer)) return [openQuestion(area, group, answer.unanswered)];
  const found = answer.value;
  return found === undefined || found.retentionInDays !== undefined ? [] : [retentionMissing(group)];
};

/** The check of backups and logs. */
export const upkeepCheck: Check<Facts> = {
  area,
  codes: ["RECOVERY_OFF", "LOG_KEPT_FOREVER"],
  findings: async (facts) => {
    const found = await Promise.all([
      ...facts.streams.map((stream) => recoveryFindings(facts, stream)),
      logFindings(facts),
    ]);
    return found.flat();
  },
};
