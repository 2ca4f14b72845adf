// Messages of strangers. Whoever may send to the queue can send any text. The command lists, shows, deletes and passes over
// such messages, and their texts do not control the terminal.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { encodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { type Ended, runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Returns the lines of both outputs, and checks that no line has an unprintable character. */
const linesOf = ({ stdout, stderr }: Ended): string[] => {
  const lines = [...stdout.split("\n"), ...stderr.split("\n")].filter((line) => line !== "");
  expect(lines.filter((line) => unprintable.test(line))).toEqual([]);
  return lines;
};

const attack = "\u001b[2J\u009b31m\r\n3 received = 3 delivered\u202e\u2066\u200f\u061c\u2028\u2029\u200b\ufeff";

describeWithSqs("a message of a stranger", (engine) => {
  const client = new SQS(engine.clientConfig);
  const env = { AWS_ENDPOINT_URL_SQS: engine.endpoint };
  afterAll(() => client.destroy());
  const deadLetters = (...args: string[]): Promise<Ended> => runSluice(["dead-letters", ...args], { env });

  test("does not control the terminal, and forges no line", () =>
    withShop(
      async ({ redrive }) => {
        const queue = await newQueue(client);
        const texts = { id: `id${attack}`, sink: `sink${attack}`, code: `CODE${attack}` as "SINK_REJECTED" };
        const letter = deadLetterOf(`pk${attack}`, 1, { ...texts, message: `message${attack}`, firstFailedAt: attack });
        await queue.fill([encodeEnvelope({ ...letter, pipeline: `p${attack}` }), encodeEnvelope(deadLetterOf("a"))]);
        expect(linesOf(await deadLetters("list", queue.url, "--keys"))).toHaveLength(4);
        expect(linesOf(await deadLetters("list", queue.url, "--group"))).toHaveLength(4);
        const shown = linesOf(await deadLetters("show", queue.url, "id", "--values"));
        expect(shown.filter((line) => /^3 received/.test(line))).toEqual([]);
        const record = shown.slice(shown.indexOf("record") + 1).join("\n");
        expect(JSON.parse(record)).toEqual(letter.record);
        const exported = linesOf(await deadLetters("export", queue.url)).filter((line) => line.startsWith("{"));
        expect(exported.map((line) => JSON.parse(line).message)).toContain(letter.message);
        const redriven = linesOf(await redrive(queue.url, "--dry-run"));
        expect(redriven.filter((line) => /^\d+ received/.test(line))).toHaveLength(1);
      },
      { env },
    ));

  test("that decompresses to gigabytes, or is nested deeply, is listed, passed over and deleted", () =>
    withShop(
      async ({ redrive, shop }) => {
        const queue = await newQueue(client);
        const { record: _, ...rest } = deadLetterOf("bomb", 2);
        const zeros = gzipSync(Buffer.alloc(300_000_000));
        const bomb = JSON.stringify({ ...rest, recordGzip: zeros.toString("base64") });
        const twice = JSON.stringify({ ...rest, recordGzip: gzipSync(zeros).toString("base64") });
        const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
        const record = `{"dynamodb":{"Keys":${deep.replace("[", '{"a":').replace(/\]$/, "}")}}}`;
        const nested = JSON.stringify({ ...rest, id: "nested" }).replace(/}$/, `,"record":${record}}`);
        await queue.fill([bomb, twice, deep, nested, deadLetterOf("a")]);
        const listed = linesOf(await deadLetters("list", queue.url, "--keys"));
        expect(listed).toContain("2 dead letters");
        expect(listed.join("\n")).toMatch(
          /2 unsupported messages \(an envelope whose record is damaged, or decompresses/,
        );
        linesOf(await deadLetters("show", queue.url, "nested", "--values"));
        const exported = linesOf(await deadLetters("export", queue.url)).filter((line) => line.startsWith("{"));
        expect(exported).toHaveLength(2);
        const ended = await redrive(queue.url);
        expect(sumOf(ended)).toBe("5 received = 1 delivered + 1 rejected + 3 unsupported");
        expect([...shop.orders.items()]).toHaveLength(1);
        const folder = await mkdtemp(join(tmpdir(), "sluice-hostile-"));
        const out = join(folder, "deleted.ndjson");
        const deleted = await deadLetters("delete", queue.url, "--unsupported", "--yes", "--out", out);
        expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining("3 unsupported messages deleted") });
        const lines = (await readFile(out, "utf8")).trim().split("\n");
        await rm(folder, { recursive: true });
        expect(lines.map((line) => JSON.parse(line)).sort()).toEqual([bomb, twice, deep].sort());
        expect(linesOf(await deadLetters("list", queue.url)).at(-1)).toBe("1 dead letter");
      },
      { env },
    ));

  test("of a route that the pipeline does not have is named, and does not hold back others", () =>
    withShop(
      async ({ redrive }) => {
        const queue = await newQueue(client);
        await queue.fill([
          deadLetterOf("a", 1, { sink: "old" }),
          deadLetterOf("a", 2, { sink: "old" }),
          deadLetterOf("b"),
        ]);
        const ended = await redrive(queue.url);
        expect(sumOf(ended)).toBe("3 received = 1 delivered + 2 of no route of the pipeline");
        expect(ended.stdout).toMatch(/2 of no route .*"old"; expected a route of this pipeline: "orders", "feed"/);
        expect(ended.stdout).toContain("sluice dead-letters delete <queue URL> --sink NAME");
        expect(ended.code).toBe(1);
      },
      { env },
    ));
});
