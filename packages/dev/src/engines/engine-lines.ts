// The commands to copy and paste that work on the engines of a run.

import type { DevEngine } from "../dev-run.ts";
import type { DevEngines } from "./engines.ts";

/** What the lines name. */
export interface LineSubjects {
  readonly tables: readonly { readonly name: string; readonly example: string }[];
  /** Queues, and what each is for. */
  readonly queues: readonly { readonly use: string; readonly name: string; readonly url: string }[];
}

type Line = DevEngine["lines"][number];

/** Local engines take any credentials; without some, the AWS CLI refuses to sign. */
const aws = (endpoint: string, command: string): string =>
  `AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws --region us-east-1 --endpoint-url ${endpoint} ${command}`;

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const withoutPassword = (url: string): string => {
  const parsed = new URL(url);
  parsed.password = "";
  return parsed.href;
};

const dynamodbLines = (endpoint: string, { tables }: LineSubjects): readonly Line[] =>
  tables.flatMap(({ name, example }) => [
    {
      label: `put an item into ${name}`,
      command: aws(endpoint, `dynamodb put-item --table-name ${name} --item ${quoted(example)}`),
    },
    { label: `list the items of ${name}`, command: aws(endpoint, `dynamodb scan --table-name ${name}`) },
  ]);

const queueLines = (endpoint: string, { queues }: LineSubjects): readonly Line[] =>
  queues.map(({ use, name, url }) => ({
    label: `look into ${name} (${use})`,
    command: aws(endpoint, `sqs receive-message --queue-url ${url} --visibility-timeout 0 --max-number-of-messages 10`),
  }));

/** The engines of a run, with their lines. */
export const describeEngines = (engines: DevEngines, subjects: LineSubjects): readonly DevEngine[] => {
  const { dynamodb, sqs, postgres, opensearch, smtp, http } = engines;
  const found: DevEngine[] = [
    { name: "DynamoDB", address: dynamodb.endpoint, lines: dynamodbLines(dynamodb.endpoint, subjects) },
    { name: "SQS, SNS and S3", address: sqs.endpoint, lines: queueLines(sqs.endpoint, subjects) },
  ];
  if (postgres) {
    const lines = [{ label: "open Postgres", command: `psql ${quoted(postgres.url)}` }];
    found.push({ name: "Postgres", address: withoutPassword(postgres.url), lines });
  }
  if (opensearch) {
    const url = opensearch.url.replace(/\/$/, "");
    const lines = [
      { label: "search", command: `curl ${quoted(`${url}/_search?pretty`)}` },
      { label: "list the indexes", command: `curl ${quoted(`${url}/_cat/indices?v`)}` },
    ];
    found.push({ name: "OpenSearch", address: withoutPassword(url), lines });
  }
  if (smtp) found.push({ name: "SMTP", address: smtp.url, lines: [] }); // the lines of the HTTP server show the mails, too
  if (http) {
    const lines = [{ label: "show the last mails and requests", command: `curl ${http.url}/` }];
    found.push({ name: "webhooks, EventBridge and SES", address: http.url, lines });
  }
  return found;
};
