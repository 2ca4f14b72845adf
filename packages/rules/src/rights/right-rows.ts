// The rights that the role of a pipeline's function needs, as plain data: for the tables in the READMEs, for the constructs
// and for the doctor. A test compares the READMEs with the list.

/** A right: these actions, on these resources. */
export interface RightRow {
  /** The folder of the package whose README has the row: `sink-sns`. */
  readonly package: string;
  /** When the right is needed, as the README says it, without links. */
  readonly use: string;
  /** Actions of IAM: `sqs:SendMessage`. Empty if the use needs no right. */
  readonly actions: readonly string[];
  /** Names of the resources, as the README has them. */
  readonly on: readonly string[];
}

/** The name of a row of `rightRows`. */
export type RightId =
  | "stream"
  | "streamKey"
  | "deadLetters"
  | "deadLettersKey"
  | "retryQueue"
  | "retryQueueKey"
  | "payloads"
  | "payloadsKey"
  | "onFailureObjects"
  | "onFailureBucket"
  | "onFailureBucketKey"
  | "onFailureQueue"
  | "onFailureQueueKey"
  | "onFailureReader"
  | "onFailureReaderKey"
  | "dedupeOnFailure"
  | "dedupeAlways"
  | "dedupeRetry"
  | "dedupeKey"
  | "dedupeEnsure"
  | "table"
  | "tableShared"
  | "tableCompare"
  | "tableKey"
  | "tableEnsure"
  | "tableCreate"
  | "mail"
  | "mailSet"
  | "smtp"
  | "smtpSecret"
  | "smtpSecretKey"
  | "bus"
  | "searchGet"
  | "searchPost"
  | "searchCompareGet"
  | "searchComparePost"
  | "searchEnsureGet"
  | "searchEnsurePut"
  | "searchEnsurePost"
  | "postgresSecret"
  | "postgresSecretKey"
  | "postgresUser"
  | "topic"
  | "topicKey"
  | "queue"
  | "queueKey"
  | "webhook"
  | "webhookSecret"
  | "webhookSecretKey";

const row = (folder: string, use: string, actions: readonly string[], on: readonly string[]): RightRow => ({
  package: folder,
  use,
  actions,
  on,
});

const send = ["sqs:SendMessage"];
const useKey = ["kms:GenerateDataKey", "kms:Decrypt"];
const readWithKey = ["kms:Decrypt", "kms:DescribeKey"];
const readSecret = ["secretsmanager:GetSecretValue"];
const decrypt = ["kms:Decrypt"];
const mail = ["ses:SendEmail", "ses:SendRawEmail"];

/** The rights, in the order of the READMEs. */
export const rightRows: Readonly<Record<RightId, RightRow>> = {
  stream: row(
    "core",
    "the stream",
    ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"],
    ["the stream"],
  ),
  streamKey: row("core", "the stream of a table that has a key of your own", readWithKey, ["the table's key"]),
  deadLetters: row("core", "`sqsDeadLetterQueue`", send, ["the dead-letter queue"]),
  deadLettersKey: row("core", "`sqsDeadLetterQueue`, if the queue has a key of your own", useKey, [
    "the dead-letter queue's key",
  ]),
  retryQueue: row(
    "core",
    "`sqsRetryQueue`",
    [
      "sqs:SendMessage",
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ChangeMessageVisibility",
    ],
    ["the retry queue"],
  ),
  retryQueueKey: row("core", "`sqsRetryQueue`, if the queue has a key of your own", useKey, ["the retry queue's key"]),
  payloads: row(
    "core",
    "`s3PayloadStore`",
    ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
    ["the payload bucket's objects"],
  ),
  payloadsKey: row("core", "`s3PayloadStore`, if the bucket has a key of your own", useKey, [
    "the payload bucket's key",
  ]),
  onFailureObjects: row(
    "core",
    "the on-failure destination, a bucket",
    ["s3:PutObject"],
    ["the on-failure bucket's objects"],
  ),
  onFailureBucket: row("core", "the on-failure destination, a bucket", ["s3:ListBucket"], ["the on-failure bucket"]),
  onFailureBucketKey: row(
    "core",
    "the on-failure destination, a bucket that has a key of your own",
    ["kms:GenerateDataKey"],
    ["the on-failure bucket's key"],
  ),
  onFailureQueue: row("core", "the on-failure destination, a queue", send, ["the on-failure queue"]),
  onFailureQueueKey: row("core", "the on-failure destination, a queue that has a key of your own", useKey, [
    "the on-failure queue's key",
  ]),
  onFailureReader: row("core", "`onFailureBucketReader`", ["s3:GetObject"], ["the on-failure bucket's objects"]),
  onFailureReaderKey: row("core", "`onFailureBucketReader`, if the bucket has a key of your own", decrypt, [
    "the on-failure bucket's key",
  ]),
  dedupeOnFailure: row(
    "dedupe-dynamodb",
    "routes with `on-failure`",
    ["dynamodb:Query", "dynamodb:BatchWriteItem"],
    ["the table"],
  ),
  dedupeAlways: row(
    "dedupe-dynamodb",
    "routes with `always`",
    ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    ["the table"],
  ),
  dedupeRetry: row(
    "dedupe-dynamodb",
    "routes with a retry queue",
    ["dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    ["the table"],
  ),
  dedupeKey: row("dedupe-dynamodb", "all routes, if the table has a key of your own", readWithKey, ["the key"]),
  dedupeEnsure: row(
    "dedupe-dynamodb",
    "`ensure()`",
    ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTimeToLive"],
    ["the table"],
  ),
  table: row(
    "sink-dynamodb",
    "write",
    ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:DescribeTable"],
    ["the target"],
  ),
  tableShared: row(
    "sink-dynamodb",
    "write, if several items can have one target key",
    ["dynamodb:UpdateItem"],
    ["the target"],
  ),
  tableCompare: row(
    "sink-dynamodb",
    "compare",
    ["dynamodb:DescribeTable", "dynamodb:BatchGetItem", "dynamodb:Scan"],
    ["the target"],
  ),
  tableKey: row("sink-dynamodb", "write and compare, if the target has a key of your own", readWithKey, ["the key"]),
  tableEnsure: row(
    "sink-dynamodb",
    "ensure",
    ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:UpdateTimeToLive"],
    ["the target"],
  ),
  tableCreate: row("sink-dynamodb", "ensure, with `create`", ["dynamodb:CreateTable"], ["the target"]),
  mail: row("sink-email", "write, with SES", mail, ["the sending identity"]),
  mailSet: row("sink-email", "write, with SES and a configuration set", mail, [
    "the sending identity",
    "the configuration set",
  ]),
  smtp: row("sink-email", "write, with SMTP", [], []),
  smtpSecret: row("sink-email", "write, with SMTP and a secret", readSecret, ["the secret"]),
  smtpSecretKey: row("sink-email", "write, with SMTP and a secret that has a key of your own", decrypt, ["the key"]),
  bus: row("sink-eventbridge", "write", ["events:PutEvents"], ["the bus"]),
  searchGet: row("sink-opensearch", "write", ["es:ESHttpGet"], ["<index>", "_alias/<index>"]),
  searchPost: row(
    "sink-opensearch",
    "write",
    ["es:ESHttpPost"],
    ["<index>/_bulk", "<index>/_mget", "<index>/_refresh", "<index>/_search", "<index>-*/_mget"],
  ),
  searchCompareGet: row("sink-opensearch", "compare", ["es:ESHttpGet"], ["<index>"]),
  searchComparePost: row(
    "sink-opensearch",
    "compare",
    ["es:ESHttpPost"],
    ["<index>/_mget", "<index>/_refresh", "<index>/_search", "_ingest/pipeline/*/_simulate"],
  ),
  searchEnsureGet: row("sink-opensearch", "ensure", ["es:ESHttpGet"], ["<index>", "<index>-000001"]),
  searchEnsurePut: row("sink-opensearch", "ensure", ["es:ESHttpPut"], ["<index>-000001", "<index>-*/_mapping"]),
  searchEnsurePost: row("sink-opensearch", "ensure", ["es:ESHttpPost"], ["_aliases"]),
  postgresSecret: row("sink-postgres", "write, compare and ensure, with a secret", readSecret, ["the secret"]),
  postgresSecretKey: row(
    "sink-postgres",
    "write, compare and ensure, with a secret that has a key of your own",
    decrypt,
    ["the key"],
  ),
  postgresUser: row(
    "sink-postgres",
    "write, compare and ensure, with IAM",
    ["rds-db:connect"],
    ["the user of the database: …:dbuser:<resource id>/<user>"],
  ),
  topic: row("sink-sns", "write", ["sns:Publish"], ["the topic"]),
  topicKey: row("sink-sns", "write, if the topic has a key of your own", useKey, ["the key"]),
  queue: row("sink-sqs", "write", send, ["the queue"]),
  queueKey: row("sink-sqs", "write, if the queue has a key of your own", useKey, ["the key"]),
  webhook: row("sink-webhook", "write", [], []),
  webhookSecret: row("sink-webhook", "write, with a secret", readSecret, ["the secret"]),
  webhookSecretKey: row("sink-webhook", "write, with a secret that has a key of your own", decrypt, ["the key"]),
};
