// The list of suites. To add a suite, add a file in suites/ and a line here.

import type { Suite } from "./suite.ts";
import { backfillSuite } from "./suites/backfill.ts";
import { bundleSuite } from "./suites/bundle.ts";
import { coldStartSuite } from "./suites/cold-start.ts";
import { coreSuite } from "./suites/core.ts";
import { decodeSuite } from "./suites/decode.ts";
import { dynamodbSuite } from "./suites/dynamodb.ts";
import { fanOutSuite } from "./suites/fan-out.ts";
import { growthSuite } from "./suites/growth.ts";
import { isolationSuite } from "./suites/isolation.ts";
import { latencySuite } from "./suites/latency.ts";
import { metricsSuite } from "./suites/metrics.ts";
import { opensearchSuite } from "./suites/opensearch.ts";
import { postgresSuite } from "./suites/postgres.ts";
import { postgresChildrenSuite } from "./suites/postgres-children.ts";
import { snsSuite } from "./suites/sns.ts";
import { sqsSuite } from "./suites/sqs.ts";
import { tuningSuite } from "./suites/tuning.ts";
import { verifySuite } from "./suites/verify.ts";

/** All suites, in the order of a full run. */
export const suites: readonly Suite[] = [
  postgresSuite,
  postgresChildrenSuite,
  opensearchSuite,
  dynamodbSuite,
  fanOutSuite,
  decodeSuite,
  coreSuite,
  metricsSuite,
  snsSuite,
  sqsSuite,
  backfillSuite,
  verifySuite,
  bundleSuite,
  isolationSuite,
  tuningSuite,
  growthSuite,
  latencySuite,
  coldStartSuite,
];
