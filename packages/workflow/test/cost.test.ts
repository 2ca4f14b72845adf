// The requests for 1,000 dead letters, which must be the numbers in README.md.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { rig } from "./rig.ts";

const count = 1_000;
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The number in the first column of a table's row. */
const inReadme = (row: string): number => {
  const [, found = ""] = new RegExp(`^\\| ${row} \\| ([\\d,]+) \\|`, "m").exec(readme) ?? [];
  return Number(found.replaceAll(",", ""));
};

const withLetters = (options: Parameters<typeof rig>[0] = {}) => {
  const one = rig(options);
  one.queue.send(...Array.from({ length: count }, (_, n) => bodyFor(orderRecord(`o-${n}`, n + 1))));
  return one;
};

describe("1,000 dead letters take", () => {
  test("so many requests in a redrive", async () => {
    const { queue, run, requests } = withLetters();
    expect((await run()).counts.delivered).toBe(count);
    const sqs = Object.values(queue.calls).reduce((sum, calls) => sum + calls, 0);
    expect({ sqs, lambda: requests.length }).toEqual({
      sqs: inReadme("SQS requests of the batch"),
      lambda: inReadme("calls of the pipeline's function"),
    });
  });

  test("so many requests in a re-publish", async () => {
    let updates = 0;
    const never = () => Promise.reject(new Error("not asked for"));
    const updateItem = async () => {
      updates += 1;
    };
    const { run } = withLetters({
      tableName: "Orders",
      clients: { dynamodb: { updateItem, putItem: never, deleteItem: never } },
    });
    expect((await run({}, "republish")).counts.republished).toBe(count);
    expect(updates).toBe(inReadme("updates of items, mode `republish`"));
  });
});
