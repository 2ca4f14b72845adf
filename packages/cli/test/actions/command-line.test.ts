// The command line of a run is quoted for a shell, has no credentials, and its command reads the same options.

import { execFileSync } from "node:child_process";
import { expect, test } from "@jest/globals";
import type { RunInput } from "@sluice/console";
import fc from "fast-check";
import type { ActionPlace } from "../../src/actions/actions.ts";
import { commandLineOf, wordsOf } from "../../src/actions/command-line.ts";
import { backfillOptions } from "../../src/backfill/options.ts";
import { redriveOptions } from "../../src/redrive/options.ts";
import { verifyOptions } from "../../src/verify/options.ts";

const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/dead";

const place: ActionPlace = {
  module: { pipeline: { name: "orders" } as never, exportName: "orders", exports: {}, close: async () => undefined },
  modulePath: "src/my orders.ts#orders",
  table: "orders",
  functionName: undefined,
  queues: [{ pipeline: "orders", kind: "dead letters", name: "dead", url: queueUrl }],
  aws: { endpointUrl: "http://user:password@127.0.0.1:8000", region: "us-east-1" },
  environment: { DATABASE_URL: "postgres://me:secret@localhost/db", AWS_ENDPOINT_URL_SQS: "http://localhost:1" },
  directory: "/tmp",
};

const redrive = (changes: object = {}): RunInput => ({ kind: "redrive", pipeline: "orders", queueUrl, ...changes });

const inShell = (line: string): string[] =>
  execFileSync("bash", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1);

test("has no credentials", () => {
  const line = commandLineOf(place, redrive());
  expect(line).not.toMatch(/password|secret|user:/);
  expect(line).toBe(
    "DATABASE_URL=postgres://localhost/db AWS_ENDPOINT_URL_SQS=http://localhost:1 npx sluice redrive " +
      `${queueUrl} --handler 'src/my orders.ts#orders' --region us-east-1 --endpoint-url http://127.0.0.1:8000`,
  );
});

test("of a function names it", () => {
  const deployed = { ...place, aws: {}, environment: {}, functionName: "shop" };
  expect(wordsOf(deployed, redrive({ isDryRun: true }))).toEqual([
    "redrive",
    queueUrl,
    "--function",
    "shop",
    "--dry-run",
  ]);
  const verify = { kind: "verify", pipeline: "orders", repairs: true, sample: 0.05 } as const;
  expect(verifyOptions(wordsOf(deployed, verify).slice(1), 0)).toMatchObject({
    module: place.modulePath,
    table: "orders",
    to: "lambda",
    functionName: "shop",
    repairs: true,
    sample: 0.05,
    deadLetters: [queueUrl],
  });
  const backfill = { kind: "backfill", pipeline: "orders", routes: ["a", "b"], itemsPerSecond: 7 } as const;
  expect(backfillOptions(wordsOf(deployed, backfill).slice(1), 0)).toMatchObject({
    to: "lambda",
    functionName: "shop",
    routes: ["a", "b"],
    itemsPerSecond: 7,
    isDryRun: false,
  });
});

test("of a queue with batches of Lambda, and of a payload store", () => {
  const queues = [{ pipeline: "orders", kind: "on-failure destination", name: "f", url: queueUrl }] as const;
  const payloadStore = { bucket: "b", prefix: "p/" };
  expect(redriveOptions(wordsOf({ ...place, queues, payloadStore }, redrive()).slice(1), 0)).toMatchObject({
    from: "on-failure-destination",
    payloadStore,
    handler: { to: "local", handler: "src/my orders.ts#orders" },
  });
});

test("any ids come through a shell and the command's arguments unchanged, and the line has no control character", () => {
  const id = fc.string({ unit: "binary", minLength: 1 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 5 }), (ids) => {
      const line = commandLineOf({ ...place, environment: {}, aws: {} }, redrive({ ids }));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal may obey them.
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
      const [, , , ...args] = inShell(line);
      expect(redriveOptions(args, 0)?.filter.ids).toEqual(new Set(ids));
    }),
    { numRuns: 100, examples: [[["-rf"]], [["'\u001b[201~"]], [["$(id)`id`\n"]], [["a@b://c:d@e"]]] },
  );
});
