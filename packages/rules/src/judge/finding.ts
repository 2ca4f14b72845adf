// What a rule reports.

/** A setting with which records would be lost, or the deployment would fail. It holds no values of items. */
export interface RuleFinding {
  /** The rule: an entry of `docs/deploying.md`. `DeployError` has the same codes. */
  readonly code: RuleCode;
  /** The logical id of the resource. */
  readonly resource: string;
  readonly found: string;
  readonly expected: string;
  readonly fix: string;
}

/** The codes of the rules. */
export const ruleCodes = [
  "PARTIAL_RESPONSES_MISSING",
  "DESTINATION_MISSING",
  "DESTINATION_FIFO",
  "BISECT_MISSING",
  "LATEST_LOSES",
  "TUMBLING_WINDOW",
  "OPTION_RANGE",
  "RECORD_AGE_TOO_LONG",
  "MAPPING_TWICE",
  "FILTER_DROPS_REMOVALS",
  "FILTER_SHAPE",
  "FILTER_NUMBER",
  "FILTER_UNTYPED",
  "FILTER_VIEW_TYPE",
  "FILTER_TOO_LONG",
  "FILTERS_TOO_MANY",
  "STREAM_MISSING",
  "VIEW_TYPE",
  "RUNTIME_TOO_OLD",
  "TIMEOUT_TOO_SHORT",
  "VISIBILITY_TOO_SHORT",
  "WINDOW_MISSING",
  "WINDOW_FIFO",
  "DEAD_LETTERS_TOO_SHORT",
  "RETRIES_TOO_SHORT",
  "QUEUE_MOVES_MESSAGES",
  "QUEUE_UNENCRYPTED",
  "QUEUE_WITHOUT_TLS",
  "TTL_MISSING",
] as const;

/** The code of a rule. */
export type RuleCode = (typeof ruleCodes)[number];
