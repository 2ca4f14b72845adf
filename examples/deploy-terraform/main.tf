# Deploys the pipeline of examples/fan-out, with the settings of the construct SluicePipeline.
# test/deploy/deployers.test.ts compares both, property by property.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws     = { source = "hashicorp/aws", version = ">= 6.0" }
    archive = { source = "hashicorp/archive", version = ">= 2.4" }
  }
}

variable "subnet_ids" {
  type        = list(string)
  description = "Private subnets from which the database, OpenSearch and the AWS APIs can be reached"
}

variable "security_group_id" {
  type        = string
  description = "Security group of the function, which the database's group lets in"
}

variable "database_secret_arn" {
  type        = string
  description = "ARN of the secret of RDS or Aurora with user, password, host, port and database"
}

variable "search_domain_arn" {
  type        = string
  description = "ARN of the OpenSearch domain"
}

variable "search_domain_endpoint" {
  type        = string
  description = "Endpoint of the OpenSearch domain, without https://"
}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

# The source. If you have a table already, refer to its ARN and the ARN of its stream instead.
resource "aws_dynamodb_table" "orders" {
  name             = "sluice-fan-out-orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "pk"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "pk"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

data "archive_file" "bundle" {
  type        = "zip"
  source_dir  = "${path.module}/build"
  output_path = "${path.module}/bundle.zip"
}

resource "aws_cloudwatch_log_group" "orders" {
  name              = "/sluice/fan-out-orders"
  retention_in_days = 30
}

resource "aws_lambda_function" "orders" {
  function_name    = "sluice-fan-out-orders"
  filename         = data.archive_file.bundle.output_path
  source_code_hash = data.archive_file.bundle.output_base64sha256
  handler          = "handler.handler"
  runtime          = "nodejs24.x"
  architectures    = ["arm64"]
  memory_size      = 512
  timeout          = 60
  role             = aws_iam_role.orders.arn

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.orders.name
  }

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  environment {
    variables = {
      SOURCE_TABLE           = aws_dynamodb_table.orders.arn
      DEAD_LETTER_QUEUE_URL  = aws_sqs_queue.dead_letters.url
      RETRY_QUEUE_URL        = aws_sqs_queue.retry.url
      DEDUPE_TABLE           = aws_dynamodb_table.dedupe.name
      ON_FAILURE_BUCKET      = aws_s3_bucket.on_failure.bucket
      DATABASE_SECRET_ARN    = var.database_secret_arn
      NODE_EXTRA_CA_CERTS    = "/var/runtime/ca-cert.pem"
      OPENSEARCH_NODE        = "https://${var.search_domain_endpoint}"
      OPENSEARCH_REGION      = data.aws_region.current.region
      ORDER_EVENTS_TOPIC_ARN = aws_sns_topic.order_events.arn
      WAREHOUSE_QUEUE_URL    = aws_sqs_queue.warehouse.url
      SLUICE_METRICS         = "emf"
    }
  }

  depends_on = [aws_iam_role_policy.orders]
}

resource "aws_lambda_event_source_mapping" "stream" {
  function_name                      = aws_lambda_function.orders.arn
  event_source_arn                   = aws_dynamodb_table.orders.stream_arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 1000
  maximum_batching_window_in_seconds = 1
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = -1
  # Lambda saves a record two hours before the stream deletes it.
  maximum_record_age_in_seconds = 79200
  parallelization_factor        = 1
  function_response_types       = ["ReportBatchItemFailures"]
  enabled                       = true

  # What `eventFilters(isOrder, isCustomer)` returns: other items do not call the function.
  filter_criteria {
    filter {
      pattern = "{\"dynamodb\":{\"NewImage\":{\"type\":{\"S\":[\"order\"]}}}}"
    }
    filter {
      pattern = "{\"dynamodb\":{\"OldImage\":{\"type\":{\"S\":[\"order\"]}}}}"
    }
    filter {
      pattern = "{\"dynamodb\":{\"NewImage\":{\"type\":{\"S\":[\"customer\"]}}}}"
    }
    filter {
      pattern = "{\"dynamodb\":{\"OldImage\":{\"type\":{\"S\":[\"customer\"]}}}}"
    }
    filter {
      pattern = "{\"eventName\":[\"REMOVE\"]}"
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_s3_bucket.on_failure.arn
    }
  }

  metrics_config {
    metrics = ["EventCount"]
  }
}

resource "aws_lambda_event_source_mapping" "retry" {
  function_name           = aws_lambda_function.orders.arn
  event_source_arn        = aws_sqs_queue.retry.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 10
  }

  metrics_config {
    metrics = ["EventCount"]
  }
}

output "table_name" {
  value = aws_dynamodb_table.orders.name
}

output "dead_letter_queue_url" {
  value = aws_sqs_queue.dead_letters.url
}
