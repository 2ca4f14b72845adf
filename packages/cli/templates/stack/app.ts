// What is deployed: the table, the function with its queues, alarms and dashboard, and the targets.

import {
  emailAccess, // @when email
  eventBusAccess, // @when eventbridge
  openSearchAccess, // @when opensearch
  postgresAccess, // @when postgres
  SluicePipeline,
  SluiceRules,
  snsAccess, // @when sns
  sqsAccess, // @when sqs
  tableAccess, // @when dynamodb
  webhookAccess, // @when webhook
} from "@sluice/cdk";
import { App, CfnOutput, Stack, Validations } from "aws-cdk-lib";
import { AttributeType, StreamViewType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { EventBus } from "aws-cdk-lib/aws-events"; // @when eventbridge
import { Domain } from "aws-cdk-lib/aws-opensearchservice"; // @when opensearch
import { Secret } from "aws-cdk-lib/aws-secretsmanager"; // @when postgres|webhook
import { EmailIdentity, Identity } from "aws-cdk-lib/aws-ses"; // @when email
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs"; // @when sqs

// @when existing
// What exists already. Replace these values by your own.
const databaseSecret = "init-name/database"; // in Secrets Manager: username, password, host, port, dbname // @when postgres
const searchEndpoint = "https://search-init-name-0123456789abcdefghijklmnop.eu-west-1.es.amazonaws.com"; // @when opensearch
const webhookUrl = "https://api.example.com/hooks/init-name"; // @when webhook
const mail = { from: "init-name@example.com", to: "you@example.com" }; // @when email

// @end
const app = new App();
Validations.of(app).addPlugins(new SluiceRules());
const stack = new Stack(app, "InitName");

// For a table that exists: Table.fromTableAttributes(stack, "Table", { tableArn, tableStreamArn })
const table = new TableV2(stack, "Table", {
  tableName: "init-table",
  partitionKey: { name: "initKey", type: AttributeType.STRING },
  sortKey: { name: "initSort", type: AttributeType.STRING },
  dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
});
// @when dynamodb
const copies = new TableV2(stack, "Copies", {
  partitionKey: { name: "initKey", type: AttributeType.STRING },
  sortKey: { name: "initSort", type: AttributeType.STRING },
  timeToLiveAttribute: "_sluice_expires",
});
// @end
const queue = new Queue(stack, "Queue", { fifo: true, enforceSSL: true }); // @when sqs
const topic = new Topic(stack, "Topic", { fifo: true, enforceSSL: true }); // @when sns
const eventBus = new EventBus(stack, "Bus"); // @when eventbridge
// @when email
// For a sender that SES knows already: EmailIdentity.fromEmailIdentityName(stack, "Sender", mail.from)
const identity = new EmailIdentity(stack, "Sender", { identity: Identity.email(mail.from) });
// @end
// @when webhook
// The value is in the configuration of the function, too. The receiver checks the signature with it.
const signingKey = new Secret(stack, "SigningKey", {
  generateSecretString: { excludePunctuation: true, passwordLength: 32 },
});
// @end
// The routes that are watched one by one.
const routes = [
  "postgres", // @when postgres
  "opensearch", // @when opensearch
  "dynamodb", // @when dynamodb
  "sqs", // @when sqs
  "sns", // @when sns
  "eventbridge", // @when eventbridge
  "email", // @when email
  "webhook", // @when webhook
];
const onCall = new Topic(stack, "OnCall", { enforceSSL: true });

new SluicePipeline(stack, "Pipeline", {
  pipelineName: "init-name",
  table,
  entry: "src/handler.ts",
  ensure: { entry: "src/ensure.ts" }, // @when ensure
  sinks: [
    // @when postgres
    // For a database in a VPC: add `vpc`, and the `database` whose port is to be opened.
    postgresAccess({ secret: Secret.fromSecretNameV2(stack, "DatabaseSecret", databaseSecret) }),
    // @end
    // @when opensearch
    openSearchAccess({ domain: Domain.fromDomainEndpoint(stack, "Search", searchEndpoint), index: "init-name" }),
    // @end
    tableAccess({ table: copies }), // @when dynamodb
    sqsAccess({ queue }), // @when sqs
    snsAccess({ topic }), // @when sns
    eventBusAccess({ eventBus }), // @when eventbridge
    emailAccess({ identity, from: mail.from, environment: { MAIL_FROM: mail.from, MAIL_TO: mail.to } }), // @when email
    // @when webhook
    webhookAccess({
      environment: {
        WEBHOOK_URL: webhookUrl,
        WEBHOOK_SECRETS: `whsec_${signingKey.secretValue.unsafeUnwrap()}`,
      },
    }),
    // @end
  ],
  retryQueue: { fifo: true }, // @when append
  // @when append
  dedupe: {
    uses: [
      "retry",
      "on-failure", // @when eventbridge|webhook
      "always", // @when email
    ],
  },
  // @end
  alarms: { actions: [onCall], routes },
  dashboard: { routes },
});

new CfnOutput(stack, "OnCallTopic", { value: onCall.topicArn });
