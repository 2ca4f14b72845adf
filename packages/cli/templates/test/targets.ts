// The targets on this machine, and the variables with which the function finds them.

import { SNS } from "@aws-sdk/client-sns"; // @when sns
import { SQS } from "@aws-sdk/client-sqs";
import { startEngines } from "@sluice/local";
import { startStandIn } from "./stand-in.ts"; // @when http

/** Starts the engines, creates the queues, and sets the variables of the function. */
export const startTargets = async () => {
  const engines = await startEngines({
    sqs: true,
    postgres: true, // @when postgres
    opensearch: true, // @when opensearch
    dynamodb: true, // @when dynamodb|append
  });
  const sqs = new SQS(engines.sqs.clientConfig);
  const createQueue = async (QueueName: string): Promise<string> => {
    const Attributes = QueueName.endsWith(".fifo") ? { FifoQueue: "true" } : {};
    return (await sqs.createQueue({ QueueName, Attributes })).QueueUrl ?? "";
  };
  const deadLetters = await createQueue("dead-letters");
  const queue = await createQueue("queue.fifo"); // @when sqs
  // @when sns
  const sns = new SNS(engines.sqs.clientConfig);
  const { TopicArn = "" } = await sns.createTopic({ Name: "topic.fifo", Attributes: { FifoTopic: "true" } });
  const subscriber = await createQueue("subscriber.fifo");
  const { Attributes = {} } = await sqs.getQueueAttributes({ QueueUrl: subscriber, AttributeNames: ["QueueArn"] });
  await sns.subscribe({
    TopicArn,
    Protocol: "sqs",
    Endpoint: Attributes.QueueArn ?? "",
    Attributes: { RawMessageDelivery: "true" },
  });
  // @end
  const standIn = await startStandIn(); // @when http
  const { region, credentials, endpoint } = engines.sqs.clientConfig;
  Object.assign(process.env, {
    SOURCE_TABLE: "init-table",
    DEAD_LETTER_QUEUE_URL: deadLetters,
    RETRY_QUEUE_URL: await createQueue("retries.fifo"),
    DEDUPE_TABLE: "dedupe", // @when append
    DATABASE_URL: engines.postgres.url, // @when postgres
    OPENSEARCH_NODE: engines.opensearch.url, // @when opensearch
    TARGET_TABLE: "copies", // @when dynamodb
    QUEUE_URL: queue, // @when sqs
    TOPIC_ARN: TopicArn, // @when sns
    EVENT_BUS: "bus", // @when eventbridge
    MAIL_FROM: "from@example.com", // @when email
    MAIL_TO: "to@example.com", // @when email
    WEBHOOK_URL: `${standIn.url}/hook`, // @when webhook
    WEBHOOK_ALLOW_ADDRESSES: "127.0.0.1", // @when webhook
    AWS_ENDPOINT_URL_SQS: endpoint,
    AWS_ENDPOINT_URL_SNS: endpoint, // @when sns
    AWS_ENDPOINT_URL_DYNAMODB: engines.dynamodb.endpoint, // @when dynamodb|append
    AWS_ENDPOINT_URL_EVENTBRIDGE: standIn.url, // @when eventbridge
    AWS_ENDPOINT_URL_SESV2: standIn.url, // @when email
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    POWERTOOLS_LOG_LEVEL: "SILENT",
  });
  delete process.env.AWS_PROFILE; // the SDK would use the profile instead of the keys
  return {
    ...engines,
    queues: sqs,
    deadLetters,
    queue, // @when sqs
    subscriber, // @when sns
    standIn, // @when http
    stop: async () => {
      sqs.destroy();
      sns.destroy(); // @when sns
      await standIn.stop(); // @when http
      await engines.stop();
    },
  };
};
