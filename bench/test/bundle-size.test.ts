// The budget of bundles: each bundle has the size that docs/bundle-size.md states, within 5 %. If a bundle is meant to have
// another size, run: npm run bundle-size

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { bundleOf } from "../src/cold-start/bundle.ts";
import { handlerPairs } from "../src/cold-start/handlers.ts";
import { deviations, statedSizes } from "../src/cold-start/size-table.ts";
import { pipelineSizes } from "../src/cold-start/sizes.ts";

const page = readFileSync(new URL("../../docs/bundle-size.md", import.meta.url), "utf8");
const sizes = await pipelineSizes();

test("each bundle has the size that the page states", () => {
  expect(deviations(sizes, statedSizes(page))).toEqual([]);
});

test("the table has core and each sink", () => {
  const names = [...statedSizes(page).keys()];
  expect(names).toEqual(handlerPairs.map(({ name }) => name));
  const folders = readdirSync(new URL("../../packages", import.meta.url));
  for (const folder of folders.filter((name) => name.startsWith("sink-"))) {
    const name = folder.slice("sink-".length);
    expect(names.some((row) => row === name || row.startsWith(`${name}-`))).toBe(true);
  }
});

test("a bundle that grew by more than 5 % fails", () => {
  const [core] = sizes;
  if (core === undefined) throw new Error("there are no sizes");
  const stated = (factor: number) =>
    new Map([
      [
        "core",
        Object.values(core)
          .slice(1)
          .map((size) => Number(size) / factor),
      ],
    ]);
  expect(deviations([core], stated(1.04))).toEqual([]);
  expect(deviations([core], stated(1.06))).toHaveLength(4);
  expect(deviations([core], stated(0.94))).toHaveLength(4);
});

test("core carries the clients of S3 and of DynamoDB Streams only if the pipeline uses them", async () => {
  const core = handlerPairs[0]?.pipeline ?? "";
  const bundled = async (imports: string, options: string) => {
    const program = core
      .replace("import { pipeline,", `import { ${imports} pipeline,`)
      .replace("{ deadLetterQueue }", `{ deadLetterQueue, ${options} }`);
    const text = Buffer.from(await bundleOf(program, "external")).toString();
    return ["client-sqs", "client-s3", "client-dynamodb-streams"].filter((client) =>
      text.includes(`"@aws-sdk/${client}"`),
    );
  };
  expect(await bundled("", "")).toEqual(["client-sqs"]);
  expect(await bundled("onFailureDestinationReader,", "onFailureDestination: onFailureDestinationReader()")).toEqual([
    "client-sqs",
    "client-dynamodb-streams",
  ]);
  expect(
    await bundled("onFailureBucketReader,", 'onFailureDestination: onFailureBucketReader({ bucket: "b" })'),
  ).toEqual(["client-sqs", "client-s3"]);
  expect(
    await bundled(
      "s3PayloadStore,",
      'retryQueue: sqsDeadLetterQueue({ payloadStore: s3PayloadStore({ bucket: "b" }) })',
    ),
  ).toEqual(["client-sqs", "client-s3"]);
});
