// Error codes for errors of SNS. Core has the codes that AWS services share.

import type { AwsService } from "@sluice/core/sink-kit";

/** Codes by SNS error names. @see https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html (read 2026-11-23) */
export const snsService: AwsService = {
  name: "SNS",
  codes: {
    KMSThrottling: "SINK_THROTTLED",
    NotFound: "SINK_MISSING",
    EndpointDisabled: "SINK_MISSING",
    PlatformApplicationDisabled: "SINK_MISSING",
    KMSAccessDenied: "SINK_DENIED",
    KMSDisabled: "SINK_DENIED",
    KMSInvalidState: "SINK_DENIED",
    KMSNotFound: "SINK_DENIED",
    KMSOptInRequired: "SINK_DENIED",
    InvalidParameter: "SINK_REJECTED",
    InvalidParameterValue: "SINK_REJECTED",
    ParameterValueInvalid: "SINK_REJECTED",
    Validation: "SINK_REJECTED",
    BatchRequestTooLong: "SINK_TOO_LARGE",
  },
  tooLarge: /message too long/i,
};
