// The kinds of targets that `sluice init` knows, and the packages that each of them needs.

/** The kinds of targets, in the order of their routes. */
export const sinkNames = [
  "postgres",
  "opensearch",
  "dynamodb",
  "sqs",
  "sns",
  "eventbridge",
  "email",
  "webhook",
] as const;

/** A kind of target. */
export type SinkName = (typeof sinkNames)[number];

/** What a project with a target of this kind needs. */
export interface InitSink {
  /** What the target is called in a sentence. */
  readonly title: string;
  /** The engine of the test on the user's machine. */
  readonly engine: string;
  /** Conditions of the templates, besides the name of the sink. */
  readonly conditions: readonly Condition[];
  /** The packages that the function loads, besides the sink's own. */
  readonly packages: readonly string[];
  /** The packages that only the test loads. */
  readonly testPackages: readonly string[];
}

/**
 * `append`: the sink needs a dedupe store. `ensure`: `ensure()` creates its target. `existing`: the stack names a target that
 * exists. `http`: an HTTP server stands for the target in the test. `java`: the test needs Java or Docker.
 */
export type Condition = "append" | "ensure" | "existing" | "http" | "java";

const append = ["append", "java"] as const;
const dedupe = ["@sluice/dedupe-dynamodb", "@aws-sdk/client-dynamodb"] as const;

/** The kinds of targets, by name. */
export const initSinks: Readonly<Record<SinkName, InitSink>> = {
  postgres: {
    title: "Postgres",
    engine: "Postgres",
    conditions: ["ensure", "existing"],
    packages: ["pg", "@aws-sdk/client-secrets-manager"],
    testPackages: ["@types/pg"],
  },
  opensearch: {
    title: "OpenSearch",
    engine: "OpenSearch",
    conditions: ["ensure", "existing", "java"],
    packages: ["@opensearch-project/opensearch"],
    testPackages: [],
  },
  dynamodb: {
    title: "a DynamoDB table",
    engine: "DynamoDB Local",
    conditions: ["java"],
    packages: ["@aws-sdk/client-dynamodb"],
    testPackages: [],
  },
  sqs: {
    title: "an SQS queue",
    engine: "SQS",
    conditions: append,
    packages: dedupe,
    testPackages: [],
  },
  sns: {
    title: "an SNS topic",
    engine: "SNS",
    conditions: append,
    packages: ["@aws-sdk/client-sns", ...dedupe],
    testPackages: [],
  },
  eventbridge: {
    title: "an EventBridge bus",
    engine: "a server that stands for EventBridge",
    conditions: [...append, "http"],
    packages: ["@aws-sdk/client-eventbridge", ...dedupe],
    testPackages: [],
  },
  email: {
    title: "e-mail",
    engine: "a server that stands for SES",
    conditions: [...append, "http", "existing"],
    packages: ["@aws-sdk/client-sesv2", "@aws-lambda-powertools/idempotency", ...dedupe],
    testPackages: [],
  },
  webhook: {
    title: "a webhook",
    engine: "a server that stands for your endpoint",
    conditions: [...append, "http", "existing"],
    packages: dedupe,
    testPackages: [],
  },
};
