# The queues, the topic, the dedupe table and the bucket of the pipeline.

# Rejected records. Nothing consumes this queue: `sluice redrive` does.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "sluice-fan-out-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "dead_letters_tls" {
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters_tls.json
}

# Deliveries that wait for their target. The visibility timeout is six times the function's timeout. No redrive policy:
# the pipeline itself decides when a delivery becomes a dead letter.
resource "aws_sqs_queue" "retry" {
  name                        = "sluice-fan-out-retry.fifo"
  fifo_queue                  = true
  content_based_deduplication = false
  visibility_timeout_seconds  = 360
  message_retention_seconds   = 1209600
  sqs_managed_sse_enabled     = true

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "retry_tls" {
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.retry.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "retry" {
  queue_url = aws_sqs_queue.retry.url
  policy    = data.aws_iam_policy_document.retry_tls.json
}

resource "aws_sqs_queue" "warehouse" {
  name                    = "sluice-fan-out-warehouse"
  sqs_managed_sse_enabled = true
}

data "aws_iam_policy_document" "warehouse_tls" {
  statement {
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.warehouse.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "warehouse" {
  queue_url = aws_sqs_queue.warehouse.url
  policy    = data.aws_iam_policy_document.warehouse_tls.json
}

resource "aws_sns_topic" "order_events" {
  name       = "sluice-fan-out-order-events.fifo"
  fifo_topic = true
}

data "aws_iam_policy_document" "order_events_tls" {
  statement {
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.order_events.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "order_events" {
  arn    = aws_sns_topic.order_events.arn
  policy = data.aws_iam_policy_document.order_events_tls.json
}

# The journal of sent messages, and the items that wait.
resource "aws_dynamodb_table" "dedupe" {
  name         = "sluice-fan-out-dedupe"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expiration"
    enabled        = true
  }
}

# The batches that Lambda gave up on.
resource "aws_s3_bucket" "on_failure" {
  bucket_prefix = "sluice-fan-out-on-failure-"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "on_failure" {
  bucket = aws_s3_bucket.on_failure.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "on_failure" {
  bucket = aws_s3_bucket.on_failure.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "on_failure" {
  bucket = aws_s3_bucket.on_failure.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "on_failure" {
  bucket                  = aws_s3_bucket.on_failure.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "on_failure_tls" {
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.on_failure.arn, "${aws_s3_bucket.on_failure.arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.on_failure.arn, "${aws_s3_bucket.on_failure.arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }
}

resource "aws_s3_bucket_policy" "on_failure" {
  bucket = aws_s3_bucket.on_failure.id
  policy = data.aws_iam_policy_document.on_failure_tls.json
}
