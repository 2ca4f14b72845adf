// Checks that the published schema accepts the envelopes that core writes and reads.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";
// biome-ignore lint/style/noRestrictedImports: the 2020-12 dialect has no other name in ajv
import { Ajv2020 } from "ajv/dist/2020.js";
import { root } from "./markdown.ts";

const schema = JSON.parse(readFileSync(join(root, "docs/spec/envelope.schema.json"), "utf8")) as object;
const validate = new Ajv2020({ formats: { "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ } }).compile(schema);

const envelope: Envelope = {
  v: 1,
  id: "e1:postgres",
  pipeline: "orders",
  sink: "postgres",
  code: "SINK_REJECTED",
  message: "refused",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record: streamRecord({ after: { pk: "a", sk: "1" } }),
};

describe("docs/spec/envelope.schema.json", () => {
  test.each<[string, string]>([
    ["plain", encodeEnvelope(envelope)],
    ["compressed", encodeEnvelope(envelope, 10)],
    ["whose record is in S3", JSON.stringify({ ...envelope, record: undefined, recordUrl: "s3://bucket/key" })],
    ["of a later version, with unknown members", JSON.stringify({ ...envelope, region: "eu-1" })],
  ])("accepts an envelope that core reads: %s", (_name, body) => {
    expect(validate(JSON.parse(body))).toBe(true);
    expect(decodeEnvelope(body)).toMatchObject({ id: "e1:postgres" });
  });

  test.each<[string, object]>([
    ["of version 2", { ...envelope, v: 2 }],
    ["without a record", { ...envelope, record: undefined }],
    ["without a sink", { ...envelope, sink: undefined }],
    ["with attempts that are text", { ...envelope, attempts: "1" }],
  ])("refuses an envelope that core refuses: one %s", (_name, value) => {
    const body = JSON.stringify(value);
    expect(validate(JSON.parse(body))).toBe(false);
    expect(decodeEnvelope(body)).toBeUndefined();
  });

  test("keeps unknown members", () => {
    expect(decodeEnvelope(JSON.stringify({ ...envelope, region: "eu-1" }))).toEqual({ ...envelope, region: "eu-1" });
  });
});
