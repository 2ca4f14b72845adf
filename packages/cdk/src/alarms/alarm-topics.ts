// What a topic must allow, so that alarms can publish to it.

import { Aspects, type IAspect, Stack } from "aws-cdk-lib";
import type { IAlarmAction } from "aws-cdk-lib/aws-cloudwatch";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

const cloudwatch = new ServicePrincipal("cloudwatch.amazonaws.com");

/**
 * A topic without a policy lets the alarms of its account publish. Each policy, such as that of `enforceSSL`, replaces this
 * default, and an alarm then fails without a trace.
 */
const allowPublish = (scope: Construct, topic: ITopic): void => {
  if (topic.node.tryFindChild("Policy") === undefined) return;
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: `SluiceAlarms${scope.node.addr.slice(-8)}`,
      principals: [cloudwatch],
      actions: ["sns:Publish"],
      resources: [topic.topicArn],
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
  );
};

/**
 * Lets alarms publish to these topics: also to those that a key of one's own encrypts, or that have a policy.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html (read 2026-11-28)
 */
export const letAlarmsPublish = (scope: Construct, actions: readonly (ITopic | IAlarmAction)[]): void => {
  const topics = [...new Set(actions.filter((action) => "topicArn" in action))];
  for (const { masterKey } of topics) masterKey?.grant(cloudwatch, "kms:Decrypt", "kms:GenerateDataKey*");
  // At the end, because a policy may be created after the alarms.
  const aspect: IAspect = {
    visit: (node) => {
      if (node === scope) for (const topic of topics) allowPublish(scope, topic);
    },
  };
  Aspects.of(scope).add(aspect);
};
