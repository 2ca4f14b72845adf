# The alarms are the table in docs/runbook.md. The variable SLUICE_METRICS makes the function write their metrics.
# The alarms do not notify a person: add alarm_actions with the ARN of a topic.

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
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 3
      periods     = 5
      missing     = "notBreaching"
    }
    "route-lag" = {
      description = "Pipeline orders, route lag: Lag was at least 5 minutes in 2 of 3 times 5 minutes. docs/runbook.md#route-lag"
      namespace   = "Sluice"
      metric      = "Lag"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      statistic   = "Maximum"
      period      = 300
      threshold   = 300000
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 2
      periods     = 3
      missing     = "notBreaching"
    }
    "pending-age" = {
      description = "Pipeline orders, age of the oldest pending delivery: PendingAge was at least 1 hour in 15 minutes. docs/runbook.md#age-of-the-oldest-pending-delivery"
      namespace   = "Sluice"
      metric      = "PendingAge"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      statistic   = "Maximum"
      period      = 900
      threshold   = 3600000
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "notBreaching"
    }
    "silent" = {
      description = "Pipeline orders, Lambda does not poll: PolledEventCount was below 1 in 15 of 15 minutes. docs/runbook.md#lambda-does-not-poll"
      namespace   = "AWS/Lambda"
      metric      = "PolledEventCount"
      dimensions  = { EventSourceMappingUUID = aws_lambda_event_source_mapping.stream.uuid }
      statistic   = "SampleCount"
      period      = 60
      threshold   = 1
      comparison  = "LessThanThreshold"
      datapoints  = 15
      periods     = 15
      missing     = "breaching"
    }
    "dead-letters" = {
      description = "Pipeline orders, dead letters: ApproximateNumberOfMessagesVisible was at least 1 in 5 minutes. docs/runbook.md#dead-letters"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
      period      = 300
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "ignore"
    }
    "dead-letters-age" = {
      description = "Pipeline orders, age of the oldest dead letter: ApproximateAgeOfOldestMessage was at least 10 days in 1 hour. docs/runbook.md#age-of-the-oldest-dead-letter"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
      statistic   = "Maximum"
      period      = 3600
      threshold   = 864000
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "notBreaching"
    }
    "queued" = {
      description = "Pipeline orders, deliveries queued for retry: Queued was at least 1 in 5 of 5 minutes. docs/runbook.md#deliveries-queued-for-retry"
      namespace   = "Sluice"
      metric      = "Queued"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 5
      periods     = 5
      missing     = "notBreaching"
    }
    "retries-age" = {
      description = "Pipeline orders, age of the oldest retry: ApproximateAgeOfOldestMessage was at least 1 hour in 2 of 3 times 5 minutes. docs/runbook.md#age-of-the-oldest-retry"
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.retry.name }
      statistic   = "Maximum"
      period      = 300
      threshold   = 3600
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 2
      periods     = 3
      missing     = "notBreaching"
    }
    "retries-hidden" = {
      description = "Pipeline orders, hidden retries: ApproximateNumberOfMessagesNotVisible was at least 100,000 in 2 of 3 minutes. docs/runbook.md#hidden-retries"
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesNotVisible"
      dimensions  = { QueueName = aws_sqs_queue.retry.name }
      statistic   = "Maximum"
      period      = 60
      threshold   = 100000
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 2
      periods     = 3
      missing     = "notBreaching"
    }
    "errors" = {
      description = "Pipeline orders, function errors: Errors was at least 1 in 3 of 5 times 5 minutes. docs/runbook.md#function-errors"
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 300
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 3
      periods     = 5
      missing     = "notBreaching"
    }
    "throttles" = {
      description = "Pipeline orders, function throttles: Throttles was at least 1 in 3 of 3 times 5 minutes. docs/runbook.md#function-errors"
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 300
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 3
      periods     = 3
      missing     = "notBreaching"
    }
    "gave-up" = {
      description = "Pipeline orders, Lambda gave up: OnFailureDestinationDeliveredEventCount was at least 1 in 1 minute. docs/runbook.md#lambda-gave-up"
      namespace   = "AWS/Lambda"
      metric      = "OnFailureDestinationDeliveredEventCount"
      dimensions  = { EventSourceMappingUUID = aws_lambda_event_source_mapping.stream.uuid }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "notBreaching"
    }
    "dropped" = {
      description = "Pipeline orders, Lambda dropped records: DroppedEventCount was at least 1 in 1 minute. docs/runbook.md#lambda-dropped-records"
      namespace   = "AWS/Lambda"
      metric      = "DroppedEventCount"
      dimensions  = { EventSourceMappingUUID = aws_lambda_event_source_mapping.stream.uuid }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "notBreaching"
    }
    "destination-failures" = {
      description = "Pipeline orders, Lambda could not write to the destination: DestinationDeliveryFailures was at least 1 in 1 minute. docs/runbook.md#lambda-dropped-records"
      namespace   = "AWS/Lambda"
      metric      = "DestinationDeliveryFailures"
      dimensions  = { FunctionName = aws_lambda_function.orders.function_name }
      statistic   = "Sum"
      period      = 60
      threshold   = 1
      comparison  = "GreaterThanOrEqualToThreshold"
      datapoints  = 1
      periods     = 1
      missing     = "notBreaching"
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
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
}

# An alarm on a share of metrics.
resource "aws_cloudwatch_metric_alarm" "rejected_share" {
  alarm_name          = "sluice-fan-out-orders-rejected-share"
  alarm_description   = "Pipeline orders, share of rejected changes: Rejected / (Rejected + Delivered + Superseded) was at least 1 % in 2 of 3 times 5 minutes. docs/runbook.md#share-of-rejected-changes"
  threshold           = 0.01
  datapoints_to_alarm = 2
  evaluation_periods  = 3
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "expr_1"
    label       = "share of rejected changes"
    expression  = "IF(FILL(rejected, 0) >= 10, FILL(rejected, 0) / SUM([rejected, delivered, superseded]), 0)"
    return_data = true
  }

  metric_query {
    id          = "rejected"
    return_data = false

    metric {
      namespace   = "Sluice"
      metric_name = "Rejected"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id          = "delivered"
    return_data = false

    metric {
      namespace   = "Sluice"
      metric_name = "Delivered"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      stat        = "Sum"
      period      = 300
    }
  }

  metric_query {
    id          = "superseded"
    return_data = false

    metric {
      namespace   = "Sluice"
      metric_name = "Superseded"
      dimensions  = { function = aws_lambda_function.orders.function_name }
      stat        = "Sum"
      period      = 300
    }
  }
}
