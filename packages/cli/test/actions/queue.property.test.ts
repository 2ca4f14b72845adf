// Sequences of lists, redrives and drops on one queue, some of them at once, against a model of the queue.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline, type UnknownItem } from "@sluice/core";
import { engineOrSkip, startSqs } from "@sluice/local";
import { memoryAppendSink } from "@sluice/testing";
import fc from "fast-check";
import { actionsOf } from "../../src/actions/actions.ts";
import { deadLetterOf, newQueue } from "../support/dead-letters.ts";
import { call, never } from "./place.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const count = 12;
const names = [...Array(count).keys()].map((index) => `i${index}`);

/** Numbers of dead letters. */
const some = fc.uniqueArray(fc.nat(count - 1), { minLength: 1, maxLength: count });

const step = fc.oneof(
  fc.record({ kind: fc.constant("list" as const) }),
  fc.record({ kind: fc.constant("redrive" as const), letters: some, isDryRun: fc.boolean() }),
  fc.record({ kind: fc.constant("drop" as const), letters: some }),
  fc.record({ kind: fc.constant("export" as const), letters: some }),
  fc.record({ kind: fc.constant("mend" as const), letter: fc.nat(count - 1) }),
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Steps of one group begin at the same time. */
const groups = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });

describeWithSqs("actions on one queue", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());

  const open = async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local-secret" });
    const queue = await newQueue(client, { VisibilityTimeout: "600" });
    const letters = names.map((name, index) => deadLetterOf(name, index + 1, { sink: "feed" }));
    await queue.fill(letters);
    const feed = memoryAppendSink<UnknownItem>({ name: "feed" });
    const refused = new Set(names);
    const shop = pipeline("shop", {
      onReject: "block",
      logger: { info: () => undefined, warn: () => undefined },
      retry: { maxAttempts: 1 },
    }).to(
      feed,
      ({ after }) => {
        if (refused.has(String((after as UnknownItem).pk))) throw new TypeError("refused");
        return after as UnknownItem;
      },
      { dedupe: "none" },
    );
    const directory = await mkdtemp(join(tmpdir(), "sluice-queue-"));
    const actions = actionsOf({
      module: { pipeline: shop as never, exportName: "shop", exports: {}, close: async () => undefined },
      modulePath: "shop.ts",
      table: undefined,
      functionName: undefined,
      queues: [{ pipeline: "shop", kind: "dead letters", name: "dead", url: queue.url }],
      aws: { endpointUrl: engine.endpoint, region: "us-east-1" },
      directory,
    });
    return { queue, actions, refused, feed, directory, ids: letters.map(({ id }) => id) };
  };

  test("nothing is lost, nothing is sent twice, and each list has what the queue has", async () => {
    await fc.assert(
      fc.asyncProperty(groups, async (all) => {
        const { queue, actions, refused, feed, directory, ids } = await open();
        const nameOf = new Map(ids.map((id, index) => [id, names[index] as string]));
        const delivered: string[] = [];
        const dropped: string[] = [];
        const selectionOf = (letters: readonly number[]) => ({
          queueUrl: queue.url,
          ids: letters.map((letter) => ids[letter] as string),
        });
        const isMissing = (error: unknown): undefined => {
          expect(error).toMatchObject({ code: "DEAD_LETTER_MISSING" });
          return undefined;
        };
        const redrive = async (letters: readonly number[], isDryRun: boolean): Promise<void> => {
          const selection = selectionOf(letters);
          const input = { kind: "redrive", pipeline: "shop", ...selection, isDryRun } as const;
          const { deadLetters = [] } = (await actions.run(input, call())) ?? {};
          expect(deadLetters.map(({ id }) => id).sort()).toEqual([...selection.ids].sort());
          const gone = deadLetters.filter(({ stays }) => !stays);
          expect(gone).toEqual(isDryRun ? [] : deadLetters.filter(({ outcome }) => outcome === "delivered"));
          delivered.push(...gone.map(({ id }) => nameOf.get(id) as string));
        };
        const exported = async (letters: readonly number[]): Promise<void> => {
          const selection = selectionOf(letters);
          const lines = await actions.exportDeadLetters(selection, never).catch(isMissing);
          for (const line of lines ?? []) expect(selection.ids).toContain(JSON.parse(line).id);
        };
        const drop = async (letters: readonly number[]): Promise<void> => {
          const result = await actions.dropDeadLetters(selectionOf(letters), never).catch(isMissing);
          if (result === undefined) return;
          const lines = (await readFile(result.file, "utf8")).trim().split("\n");
          expect(result).toMatchObject({ dropped: lines.length, left: 0 });
          dropped.push(...lines.map((line) => nameOf.get(JSON.parse(line).id) as string));
        };
        const others = { drop, export: exported };
        const run = async (one: Step): Promise<unknown> => {
          if (one.kind === "mend") return refused.delete(names[one.letter] as string);
          if (one.kind === "list") return actions.deadLetters(queue.url, never);
          return one.kind === "redrive" ? redrive(one.letters, one.isDryRun) : others[one.kind](one.letters);
        };
        for (const group of all) {
          await Promise.all(group.map(run));
          const gone = new Set([...delivered, ...dropped]);
          expect(gone.size).toBe(delivered.length + dropped.length);
          const page = await actions.deadLetters(queue.url, never);
          expect(page.hidden).toBe(0);
          expect(page.rows.map(({ id }) => nameOf.get(id)).sort()).toEqual(
            names.filter((name) => !gone.has(name)).sort(),
          );
          expect(
            feed
              .sent()
              .map(({ message }) => message.pk)
              .sort(),
          ).toEqual([...delivered].sort());
        }
        await rm(directory, { recursive: true });
      }),
      { numRuns: Number(process.env.RUNS ?? 8) },
    );
  });

  test("lists beside a redrive hide nothing from it", async () => {
    const { queue, actions, refused, ids, directory } = await open();
    refused.clear();
    const input = { kind: "redrive", pipeline: "shop", queueUrl: queue.url, ids } as const;
    const [, redriven] = await Promise.all([
      actions.deadLetters(queue.url, never),
      actions.run(input, call()),
      actions.deadLetters(queue.url, never),
    ]);
    expect(redriven).toMatchObject({ isClean: true, counts: { delivered: count } });
    expect((await actions.deadLetters(queue.url, never)).rows).toEqual([]);
    await rm(directory, { recursive: true });
  });
});
