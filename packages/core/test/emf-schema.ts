// The JSON schema of the embedded metric format, after the specification of AWS (read 2026-11-28, see emf.property.test.ts).

const dimensionSet = {
  type: "array",
  minItems: 1,
  maxItems: 30,
  items: { type: "string", minLength: 1, maxLength: 250 },
};

const metric = {
  type: "object",
  required: ["Name"],
  additionalProperties: false,
  properties: {
    Name: { type: "string", minLength: 1, maxLength: 1024 },
    Unit: { enum: ["Milliseconds", "Count"] },
    StorageResolution: { enum: [1, 60] },
  },
};

/** A line of metrics. */
export const emfSchema = {
  type: "object",
  required: ["_aws"],
  properties: {
    _aws: {
      type: "object",
      required: ["Timestamp", "CloudWatchMetrics"],
      properties: {
        Timestamp: { type: "integer", minimum: 0 },
        CloudWatchMetrics: {
          type: "array",
          items: {
            type: "object",
            required: ["Namespace", "Dimensions", "Metrics"],
            additionalProperties: false,
            properties: {
              Namespace: { type: "string", minLength: 1, maxLength: 1024 },
              Dimensions: { type: "array", minItems: 1, items: dimensionSet },
              Metrics: { type: "array", minItems: 1, maxItems: 100, items: metric },
            },
          },
        },
      },
    },
  },
} as const;
