// The pipeline of examples/fan-out as the constructs deploy it. The other deployers are compared with this stack.

import { join } from "node:path";
import {
  openSearchAccess,
  PipelineAlarms,
  postgresAccess,
  type SinkAccess,
  SluicePipeline,
  snsAccess,
  sqsAccess,
} from "@sluice/cdk";
import { App, CfnParameter, Stack } from "aws-cdk-lib";
import { AttributeType, BillingMode, StreamViewType, Table } from "aws-cdk-lib/aws-dynamodb";
import { SecurityGroup, Subnet, Vpc } from "aws-cdk-lib/aws-ec2";
import { Domain } from "aws-cdk-lib/aws-opensearchservice";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { root } from "../markdown.ts";

process.env.CDK_VALIDATION = "false";

/** The targets of the function that exist before it: a database, a search domain, and their network. */
const existingTargets = (stack: Stack): readonly SinkAccess[] => {
  const parameter = (name: string): string => new CfnParameter(stack, name).valueAsString;
  const vpc = Vpc.fromVpcAttributes(stack, "Network", { vpcId: "vpc-1", availabilityZones: ["eu-west-1a"] });
  const subnet = Subnet.fromSubnetId(stack, "Subnet", parameter("SubnetIds"));
  const group = SecurityGroup.fromSecurityGroupId(stack, "Group", parameter("SecurityGroupId"));
  return [
    postgresAccess({
      secret: Secret.fromSecretCompleteArn(stack, "DatabaseSecret", parameter("DatabaseSecretArn")),
      vpc,
      subnets: { subnets: [subnet] },
      securityGroups: [group],
    }),
    openSearchAccess({
      domain: Domain.fromDomainAttributes(stack, "Search", {
        domainArn: parameter("SearchDomainArn"),
        domainEndpoint: parameter("SearchDomainEndpoint"),
      }),
      index: "orders",
    }),
  ];
};

/** The stack of the pipeline. Its function is not bundled. */
export const fanOutStack = (): Stack => {
  const app = new App({ context: { "aws:cdk:bundling-stacks": [] } });
  const stack = new Stack(app, "FanOut");
  const table = new Table(stack, "Table", {
    partitionKey: { name: "pk", type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    stream: StreamViewType.NEW_AND_OLD_IMAGES,
  });
  const topic = new Topic(stack, "OrderEvents", { fifo: true, enforceSSL: true });
  const warehouse = new Queue(stack, "Warehouse", { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true });
  const pipeline = new SluicePipeline(stack, "orders", {
    table,
    entry: join(root, "examples/fan-out/src/handler.ts"),
    sinks: [
      ...existingTargets(stack),
      snsAccess({ topic, variable: "ORDER_EVENTS_TOPIC_ARN" }),
      sqsAccess({ queue: warehouse, variable: "WAREHOUSE_QUEUE_URL" }),
    ],
    retryQueue: { fifo: true },
    dedupe: true,
  });
  new PipelineAlarms(stack, "Alarms", { resources: pipeline });
  return stack;
};
