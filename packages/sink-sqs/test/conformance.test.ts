// Runs the conformance kit on fauxqs, with a standard queue and a FIFO queue. elasticmq.test.ts runs it on ElasticMQ.

import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { conformsOn } from "./kit.ts";
import { startTarget } from "./target.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, async () => startTarget(await startSqs()));

describeWithSqs("on fauxqs", (target) => {
  const skip = { C18: "fauxqs 1.9.2 rejects characters beyond U+FFFF, which SQS accepts: see elasticmq.test.ts" };
  for (const suffix of [undefined, ".fifo"] as const) {
    for (const owner of ["user", "sink"] as const) conformsOn(target, suffix, owner, skip);
  }
});
