# The alarms are the table in docs/runbook.md. They do not notify a person: add alarm_actions with the ARN of a topic.

locals {
  alarms = {
    "iterator-age" = {
      description = "Pipeline orders, iterator age: IteratorAge was at least 5 minutes in 3 of 5 minutes. docs/runbook.md#iterator-age"
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Maximum"
      period      = 60
      threshold   = 300000
      datapoints  = 3
      periods     = 5
    }
    "dead-letters" = {
      description = "Pipeline orders, dead letters: ApproximateNumberOfMessagesVisible was at least 1 in 5 minutes. docs/runbook.md#dead-letters"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
      period      = 300
      threshold   = 1
      datapoints  = 1
      periods     = 1
    }
    "dead-letters-age" = {
      description = "Pipeline orders, age of the oldest dead letter: ApproximateAgeOfOldestMessage was at least 10 days in 1 hour. docs/runbook.md#age-of-the-oldest-dead-letter"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
      period      = 3600
      threshold   = 864000
      datapoints  = 1
      periods     = 1
    }
    "queued" = {
      description = "Pipeline orders, deliveries queued for retry: queued was at least 1 in 5 of 5 minutes. docs/runbook.md#deliveries-queued-for-retry"
      namespace   = "Sluice/${aws_lambda_function.orders.function_name}"
      metric      = "queued"
      dimensions  = {}
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      datapoints  = 5
      periods     = 5
    }
    "retries-age" = {
      description = "Pipeline orders, age of the oldest retry: ApproximateAgeOfOldestMessage was at least 1 hour in 2 of 3 times 5 minutes. docs/runbook.md#age-of-the-oldest-retry"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.retry.name }
      statistic   = "Maximum"
      period      = 300
      threshold   = 3600
      datapoints  = 2
      periods     = 3
    }
    "retries-hidden" = {
      description = "Pipeline orders, hidden retries: ApproximateNumberOfMessagesNotVisible was at least 100,000 in 2 of 3 minutes. docs/runbook.md#hidden-retries"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesNotVisible"
      dimensions  = { QueueName = aws_sqs_queue.retry.name }
      statistic   = "Maximum"
      period      = 60
      threshold   = 100000
      datapoints  = 2
      periods     = 3
    }
    "errors" = {
      description = "Pipeline orders, function errors: Errors was at least 1 in 2 of 3 times 5 minutes. docs/runbook.md#function-errors"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 300
      threshold   = 1
      datapoints  = 2
      periods     = 3
    }
    "throttles" = {
      description = "Pipeline orders, function throttles: Throttles was at least 1 in 3 of 3 times 5 minutes. docs/runbook.md#function-errors"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 300
      threshold   = 1
      datapoints  = 3
      periods     = 3
    }
    "gave-up" = {
      description = "Pipeline orders, Lambda gave up: OnFailureDestinationDeliveredEventCount was at least 1 in 1 minute. docs/runbook.md#lambda-gave-up"
      namespace   = "AWS/Lambda"
      metric      = "OnFailureDestinationDeliveredEventCount"
      dimensions  = { EventSourceMappingUUID = aws_lambda_event_source_mapping.stream.uuid }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      datapoints  = 1
      periods     = 1
    }
    "dropped" = {
      description = "Pipeline orders, Lambda dropped records: DroppedEventCount was at least 1 in 1 minute. docs/runbook.md#lambda-dropped-records"
      namespace   = "AWS/Lambda"
      metric      = "DroppedEventCount"
      dimensions  = { EventSourceMappingUUID = aws_lambda_event_source_mapping.stream.uuid }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      datapoints  = 1
      periods     = 1
    }
    "destination-failures" = {
      description = "Pipeline orders, Lambda could not write to the destination: DestinationDeliveryFailures was at least 1 in 1 minute. docs/runbook.md#lambda-dropped-records"
      namespace   = "AWS/Lambda"
      metric      = "DestinationDeliveryFailures"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      datapoints  = 1
      periods     = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "orders" {
  for_each = local.alarms

  alarm_name          = "sluice-fan-out-orders-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  threshold           = each.value.threshold
  datapoints_to_alarm = each.value.datapoints
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
}

# The pipeline logs how many deliveries it has queued.
resource "aws_cloudwatch_log_metric_filter" "queued" {
  name           = "sluice-fan-out-orders-queued"
  log_group_name = aws_cloudwatch_log_group.orders.name
  pattern        = "{ $.message = \"batch finished*\" && $.pipeline = \"orders\" }"

  metric_transformation {
    name      = "queued"
    namespace = "Sluice/${aws_lambda_function.orders.function_name}"
    value     = "$.queued"
  }
}
