// The example fan-out in production. The table, the topic and the queue are the shop's own; `SluicePipeline` is the rest.

import { join } from "node:path";
import { type FunctionOptions, type SinkAccess, SluicePipeline, snsAccess, sqsAccess } from "@sluice/cdk";
import { eventFilters } from "@sluice/core/filters";
import { isCustomer, isOrder } from "@sluice/example-fan-out/filters";
import { CfnOutput, type Duration, Stack, type StackProps, Validations } from "aws-cdk-lib";
import { AttributeType, StreamViewType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

const code = (file: string): string => join(import.meta.dirname, "../../fan-out/src", file);

/** Options of the stack. */
export interface FanOutStackProps extends StackProps {
  /** The access to Postgres and OpenSearch. */
  readonly targets: (scope: Construct) => readonly SinkAccess[];
  readonly functionOptions?: FunctionOptions;
  /** The time in which a change reaches its targets. Default: one minute. */
  readonly grace?: Duration;
  /** Whether the stack has the workflows of redrive, backfill and verify. Default true. */
  readonly workflows?: boolean;
}

/** Redrives after a person's approval, backfills, and a comparison of all copies every Sunday. */
const workflows = (topic: Topic, { grace }: FanOutStackProps) => ({
  redrive: { approval: true, topic } as const,
  backfill: { entry: code("orders.ts"), pipelineExport: "orders" },
  verify: {
    entry: code("orders.ts"),
    pipelineExport: "orders",
    schedule: ScheduleExpression.cron({ weekDay: "SUN", hour: "3", minute: "0" }),
    ...(grace && { grace }),
  },
});

/** A table of orders and customers, and the pipeline that copies them. */
export class FanOutStack extends Stack {
  readonly pipeline: SluicePipeline;

  constructor(scope: Construct, id: string, props: FanOutStackProps) {
    super(scope, id, props);
    const table = new TableV2(this, "Shop", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    });
    const topic = new Topic(this, "OrderEvents", { fifo: true, enforceSSL: true });
    const queue = new Queue(this, "Warehouse", { enforceSSL: true });
    Validations.of(queue).acknowledge({
      id: "AwsSolutions-SQS3",
      reason: "The warehouse consumes the queue, not Sluice.",
    });
    const onCall = new Topic(this, "OnCall", { enforceSSL: true });

    this.pipeline = new SluicePipeline(this, "Orders", {
      pipelineName: "orders",
      table,
      entry: code("handler.ts"),
      ensure: { entry: code("ensure-handler.ts") },
      sinks: [
        ...props.targets(this),
        snsAccess({ topic, variable: "ORDER_EVENTS_TOPIC_ARN" }),
        sqsAccess({ queue, variable: "WAREHOUSE_QUEUE_URL" }),
      ],
      // Lambda does not call the function for items that no route wants.
      mapping: { filters: eventFilters(isOrder, isCustomer) },
      // The events of an order stay in order, also those that are sent late.
      retryQueue: { fifo: true },
      dedupe: true,
      ...(props.workflows !== false && workflows(onCall, props)),
      alarms: { actions: [onCall] },
      dashboard: { routes: ["postgres", "opensearch", "events", "warehouse", "postgres-customers"] },
      ...(props.functionOptions && { functionOptions: props.functionOptions }),
    });

    new CfnOutput(this, "Table", { value: table.tableName });
    new CfnOutput(this, "OnCallTopic", { value: onCall.topicArn });
    new CfnOutput(this, "Function", { value: this.pipeline.function.functionName });
    new CfnOutput(this, "LogGroup", { value: this.pipeline.logGroup.logGroupName });
    for (const [name, workflow] of [
      ["Backfill", this.pipeline.backfill],
      ["Verify", this.pipeline.verify],
    ] as const) {
      if (workflow) new CfnOutput(this, name, { value: workflow.stateMachine.stateMachineArn });
    }
    new CfnOutput(this, "DeadLetters", { value: this.pipeline.deadLetters?.queueUrl ?? "" });
  }
}
