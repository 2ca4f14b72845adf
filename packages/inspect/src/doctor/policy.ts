// The rights that the doctor needs: to describe, get, list and simulate, and nothing else.

/** The actions of IAM that `doctor` may call. Without one of them, its questions stay open. */
export const doctorActions = [
  "cloudwatch:DescribeAlarms",
  "cloudwatch:GetMetricData",
  "dynamodb:DescribeContinuousBackups",
  "dynamodb:DescribeStream",
  "dynamodb:DescribeTable",
  "dynamodb:DescribeTimeToLive",
  "iam:SimulatePrincipalPolicy",
  "lambda:GetFunctionConcurrency",
  "lambda:GetFunctionConfiguration",
  "lambda:ListAliases",
  "lambda:ListEventSourceMappings",
  "logs:DescribeLogGroups",
  "sqs:GetQueueAttributes",
  "sqs:GetQueueUrl",
] as const;

/** A policy of IAM that allows the doctor's calls. The caller's role needs it, not the function's. */
export const doctorPolicy = (): object => ({
  Version: "2012-10-17",
  Statement: [{ Sid: "SluiceDoctor", Effect: "Allow", Action: doctorActions, Resource: "*" }],
});
