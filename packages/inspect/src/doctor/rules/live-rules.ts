// What the rules for templates mean for a deployment: their area, their level, and the command that mends it.

import type { RuleCode, RuleFinding } from "@sluice/rules";
import { command, setQueueAttributes, updateFunction, updateMapping } from "../command.ts";
import type { Area, Level } from "../finding.ts";
import type { Subject } from "./live-template.ts";

/** A rule of a deployment. */
export interface LiveRule {
  readonly area: Area;
  readonly level: Level;
  /** The command. The type of the subject is that of the rule's resource. */
  readonly fix: (subject: Subject, finding: RuleFinding) => string;
}

/** Lambda and SQS refuse these settings: a deployment cannot have them. */
const refused = ["OPTION_RANGE", "WINDOW_MISSING", "WINDOW_FIFO", "FILTER_TOO_LONG", "FILTERS_TOO_MANY"] as const;

/** The rules that a deployment may break. */
export type LiveRuleCode = Exclude<RuleCode, (typeof refused)[number]>;

const mapping =
  (...options: readonly string[]) =>
  (subject: Subject): string =>
    subject.kind === "mapping" ? updateMapping(subject.uuid, ...options) : "";

const queue =
  (attributesOf: (queue: Subject & { readonly kind: "queue" }, finding: RuleFinding) => Record<string, string>) =>
  (subject: Subject, finding: RuleFinding): string =>
    subject.kind === "queue" ? setQueueAttributes(subject.url, attributesOf(subject, finding)) : "";

const target =
  (...options: readonly string[]) =>
  (subject: Subject): string =>
    subject.kind === "function" ? updateFunction(subject.name, ...options) : "";

const updateTable = (name: string, stream: string): string =>
  command("aws", "dynamodb", "update-table", "--table-name", name, "--stream-specification", stream);

const streamOn = "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES";

const table =
  (textOf: (name: string) => string) =>
  (subject: Subject): string =>
    subject.kind === "table" ? textOf(subject.name) : "";

const editFilters = (subject: Subject): string => {
  if (subject.kind !== "mapping") return "";
  const read = command(
    "aws",
    "lambda",
    "get-event-source-mapping",
    "--uuid",
    subject.uuid,
    "--query",
    "FilterCriteria",
  );
  return `${read} > filters.json && "\${EDITOR:-vi}" filters.json && ${updateMapping(subject.uuid, "--filter-criteria", "file://filters.json")}`;
};

const verify = (subject: Subject): string =>
  subject.kind === "mapping"
    ? command("sluice", "verify", "pipeline.ts", "--table", subject.tableName, "--repair")
    : "";

const destination = mapping("--destination-config", '{"OnFailure":{"Destination":"arn:aws:s3:::YOUR-BUCKET"}}');

const tlsOnly = {
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: "sqs:*",
  Resource: "*",
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};

/** The queue's policy with one statement more. */
const withTlsOnly = (policy: string | undefined): string => {
  const { Statement = [], ...rest } = policy ? JSON.parse(policy) : {};
  return JSON.stringify({ Version: "2012-10-17", ...rest, Statement: [...[Statement].flat(), tlsOnly] });
};

const secondsIn = (text: string): string => /\d+/.exec(text)?.[0] ?? "";

/** The rules, by their codes. */
export const liveRules: Readonly<Record<LiveRuleCode, LiveRule>> = {
  PARTIAL_RESPONSES_MISSING: {
    area: "mapping",
    level: "fail",
    fix: mapping("--function-response-types", "ReportBatchItemFailures"),
  },
  DESTINATION_MISSING: { area: "mapping", level: "fail", fix: destination },
  DESTINATION_FIFO: { area: "mapping", level: "fail", fix: destination },
  RECORD_AGE_TOO_LONG: {
    area: "mapping",
    level: "fail",
    fix: mapping("--maximum-record-age-in-seconds", "79200"),
  },
  TUMBLING_WINDOW: { area: "mapping", level: "fail", fix: mapping("--tumbling-window-in-seconds", "0") },
  BISECT_MISSING: { area: "mapping", level: "warn", fix: mapping("--bisect-batch-on-function-error") },
  LATEST_LOSES: { area: "mapping", level: "warn", fix: verify },
  MAPPING_TWICE: { area: "mapping", level: "warn", fix: mapping("--no-enabled") },
  FILTER_NUMBER: { area: "mapping", level: "fail", fix: editFilters },
  FILTER_UNTYPED: { area: "mapping", level: "fail", fix: editFilters },
  FILTER_SHAPE: { area: "mapping", level: "fail", fix: editFilters },
  FILTER_VIEW_TYPE: { area: "mapping", level: "fail", fix: mapping("--filter-criteria", "{}") },
  FILTER_DROPS_REMOVALS: { area: "mapping", level: "warn", fix: editFilters },
  STREAM_MISSING: { area: "stream", level: "fail", fix: table((name) => updateTable(name, streamOn)) },
  VIEW_TYPE: {
    area: "stream",
    level: "fail",
    fix: table(
      (name) =>
        `${updateTable(name, "StreamEnabled=false")} && ${command("aws", "dynamodb", "wait", "table-exists", "--table-name", name)} && ${updateTable(name, streamOn)}`,
    ),
  },
  RUNTIME_TOO_OLD: { area: "function", level: "warn", fix: target("--runtime", "nodejs24.x") },
  TIMEOUT_TOO_SHORT: { area: "function", level: "fail", fix: target("--timeout", "60") },
  VISIBILITY_TOO_SHORT: {
    area: "queues",
    level: "fail",
    fix: queue((_, { expected }) => ({ VisibilityTimeout: secondsIn(expected) })),
  },
  DEAD_LETTERS_TOO_SHORT: {
    area: "queues",
    level: "warn",
    fix: queue(() => ({ MessageRetentionPeriod: "1209600" })),
  },
  RETRIES_TOO_SHORT: { area: "queues", level: "fail", fix: queue(() => ({ MessageRetentionPeriod: "1209600" })) },
  QUEUE_MOVES_MESSAGES: { area: "queues", level: "fail", fix: queue(() => ({ RedrivePolicy: "" })) },
  QUEUE_UNENCRYPTED: { area: "queues", level: "warn", fix: queue(() => ({ SqsManagedSseEnabled: "true" })) },
  QUEUE_WITHOUT_TLS: { area: "queues", level: "warn", fix: queue(({ policy }) => ({ Policy: withTlsOnly(policy) })) },
  TTL_MISSING: {
    area: "tombstones",
    level: "fail",
    fix: table((name) =>
      command(
        "aws",
        "dynamodb",
        "update-time-to-live",
        "--table-name",
        name,
        "--time-to-live-specification",
        "Enabled=true,AttributeName=expiration",
      ),
    ),
  },
};
