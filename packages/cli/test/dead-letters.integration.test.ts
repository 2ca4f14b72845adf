// `sluice dead-letters` as a process.

import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { decodeEnvelope, encodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { type Ended, runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const run = (...args: string[]): Promise<Ended> => runSluice(["dead-letters", ...args]);

const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000 - 60_000).toISOString();

const linesOf = ({ stdout }: Ended): string[] => stdout.split("\n").slice(0, -1);

describeWithSqs("sluice dead-letters", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());

  const some = [
    deadLetterOf("a", 1, { attempts: 3, firstFailedAt: hoursAgo(2) }),
    deadLetterOf("b", 2, { sink: "feed", code: "SINK_TOO_LARGE", firstFailedAt: hoursAgo(50) }),
    deadLetterOf("c", 3, { firstFailedAt: hoursAgo(5) }),
  ];
  const [a, b, c] = some.map(({ id }) => id);

  const filled = async (): ReturnType<typeof newQueue> => {
    const queue = await newQueue(client);
    await queue.fill([...some, "no envelope", some[0] as (typeof some)[0]]);
    return queue;
  };
  const untouched = async ({ bodies, counts }: Awaited<ReturnType<typeof newQueue>>): Promise<void> => {
    expect(await counts()).toEqual({ visible: 5, hidden: 0 });
    expect((await bodies()).sort()).toEqual(
      [...some, some[0]]
        .map((one) => encodeEnvelope(one as never))
        .concat("no envelope")
        .sort(),
    );
  };

  test("list shows a line for each dead letter, oldest first, without keys and values, and is read-only", async () => {
    const queue = await filled();
    const ended = await run("list", queue.url);
    expect(ended.code).toBe(0);
    expect(linesOf(ended).map((line) => line.split(/ {2,}/))).toEqual([
      ["id", "sink", "code", "age", "attempts"],
      [b, "feed", "SINK_TOO_LARGE", "2d", "1"],
      [c, "orders", "SINK_REJECTED", "5h", "1"],
      [a, "orders", "SINK_REJECTED", "2h", "3"],
      ["3 dead letters in 4 messages"],
      [expect.stringMatching(/^1 unsupported message \(no envelope\): [0-9a-f-]{36}$/)],
    ]);
    await untouched(queue);
  });

  test("list shows keys and groups on request, and applies the filters", async () => {
    const queue = await filled();
    const keyed = await run("list", queue.url, "--keys", "--code", "SINK_TOO_LARGE");
    expect(linesOf(keyed)[1]).toMatch(/ {"pk":{"S":"b"},"sk":{"N":"1"}}$/);
    expect(keyed.stdout).not.toContain("secret");
    const grouped = linesOf(await run("list", queue.url, "--group")).map((line) => line.split(/ {2,}/));
    expect(grouped.slice(0, 3)).toEqual([
      ["pipeline", "sink", "code", "count", "oldest", "newest", "reason"],
      ["shop", "feed", "SINK_TOO_LARGE", "1", "2d", "2d", "[feed] refused"],
      ["shop", "orders", "SINK_REJECTED", "2", "5h", "2h", "[orders] refused"],
    ]);
    expect(linesOf(await run("list", queue.url, "--since", "3h")).slice(1)).toEqual([
      expect.stringContaining(String(a)),
      "1 dead letter in 2 messages",
      expect.stringMatching(/^1 unsupported message/),
    ]);
    expect(linesOf(await run("list", queue.url, "--key", '{"pk":"x"}'))).toEqual([
      "0 dead letters",
      expect.stringMatching(/^1 unsupported message/),
    ]);
    await untouched(queue);
  });

  test("list does not count a received message as hidden, even if SQS' attributes still count it", async () => {
    const queue = await filled();
    // The message is visible again at once, but fauxqs counts it as hidden until the next receive. SQS may do the same.
    await client.receiveMessage({ QueueUrl: queue.url, VisibilityTimeout: 0 });
    expect((await queue.counts()).hidden).toBe(1);
    const ended = await run("list", queue.url);
    expect(ended.stdout).toContain("3 dead letters in 4 messages\n");
    expect(ended.stdout).not.toContain("could not be received");
    expect(ended.code).toBe(0);
  });

  test("list reports messages that are in flight at other consumers", async () => {
    const queue = await filled();
    await client.receiveMessage({ QueueUrl: queue.url, MaxNumberOfMessages: 2, VisibilityTimeout: 600 });
    const ended = await run("list", queue.url);
    expect(ended.stdout).toContain("2 messages could not be received: in flight");
    expect(ended.code).toBe(1);
  });

  test("list reports unsupported messages, with the id of the first of each kind", async () => {
    const queue = await newQueue(client);
    const pointer = { DDBStreamBatchInfo: { streamArn: "arn" } };
    await queue.fill(['{"v":2,"id":"x"}', JSON.stringify(pointer), "null", '{"v":1,"id":"cut']);
    const id = "[0-9a-f-]{36}";
    expect(linesOf(await run("list", queue.url)).sort()).toEqual([
      "0 dead letters",
      expect.stringMatching(`^1 unsupported message \\(an envelope of version 2, which a later .*: ${id}$`),
      expect.stringMatching(
        `^1 unsupported message \\(sent by Lambda or S3; .* --from on-failure-destination\\): ${id}$`,
      ),
      expect.stringMatching(`^2 unsupported messages \\(no envelope\\): such as ${id}$`),
    ]);
  });

  test("show finds a dead letter by the beginning of its id, and shows values only on request", async () => {
    const queue = await filled();
    const ended = await run("show", queue.url, String(a));
    expect(ended.stdout).toMatch(/^first failed {2}\S+ \(2h ago\)$/m);
    expect(ended.stdout).toMatch(/^new image {5}pk \(S\), sk \(N\), note \(S\), revision \(N\)$/m);
    expect(ended.stdout).toMatch(/^messages {6}2$/m);
    expect(ended.stdout).not.toContain("secret");
    const whole = await run("show", String(b).slice(0, 12), queue.url, "--values");
    expect(whole.stdout).toContain('"S": "secret of b"');
    await untouched(queue);
    expect(await run("show", queue.url, "unknown")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^sluice: no id begins with unknown, of 3 dead letters in 4 messages$/m),
    });
  });

  test("export writes one envelope on each line, to standard output or to a new file for a redrive", async () => {
    const queue = await filled();
    const ended = await run("export", queue.url);
    expect(linesOf(ended).map((body) => decodeEnvelope(body))).toEqual(some);
    expect(ended.stderr).toContain("3 dead letters in 4 messages\n");
    await untouched(queue);
    const folder = await mkdtemp(join(tmpdir(), "sluice-export-"));
    const file = join(folder, "letters.jsonl");
    expect(await run("export", queue.url, "--out", file, "--sink", "orders")).toMatchObject({
      code: 0,
      stdout: "",
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await withShop(async ({ redrive }) => expect(sumOf(await redrive(file))).toBe("2 received = 2 delivered"));
    expect(await run("export", queue.url, "--out", file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("exists already; expected the name of a new file"),
    });
    await untouched(queue);
    await rm(folder, { recursive: true });
  });

  test("delete needs a confirmation or --yes, and writes the messages to a file first", async () => {
    const queue = await filled();
    expect(await run("delete", queue.url)).toMatchObject({
      code: 2,
      stderr: "sluice: delete asks for confirmation, and standard input is not a terminal; expected --yes\n",
    });
    await untouched(queue);
    const cwd = await mkdtemp(join(tmpdir(), "sluice-delete-"));
    const ended = await runSluice(["dead-letters", "delete", queue.url, "--yes", "--code", "SINK_REJECTED"], { cwd });
    const [file = ""] = await readdir(cwd);
    expect(ended).toMatchObject({
      code: 0,
      stdout: `2 dead letters in 3 messages written to ${file}\n2 dead letters in 3 messages deleted\n`,
    });
    const exported = (await readFile(join(cwd, file), "utf8")).split("\n").slice(0, -1);
    expect(exported.map((line) => decodeEnvelope(line)?.id)).toEqual([a, c]);
    expect((await queue.bodies()).sort()).toEqual([encodeEnvelope(some[1] as never), "no envelope"].sort());
    await rm(cwd, { recursive: true });
  });

  test.each([
    ["y", 0, "2 dead letters in 3 messages deleted", 2],
    ["n", 1, "nothing deleted", 5],
  ])("delete asks on a terminal, and %s is an answer", async (answer, code, output, left) => {
    const queue = await filled();
    const cwd = await mkdtemp(join(tmpdir(), "sluice-ask-"));
    const env = { NODE_OPTIONS: "--import=data:text/javascript,process.stdin.isTTY=true" };
    const args = ["dead-letters", "delete", queue.url, "--code", "SINK_REJECTED"];
    const ended = await runSluice(args, { cwd, env, stdin: `${answer}\n` });
    expect(ended).toMatchObject({ code, stdout: expect.stringContaining(output) });
    expect(ended.stderr).toMatch(/Write 2 dead letters in 3 messages to \S+ and delete them from \S+\? \(y\/N\) $/);
    expect(await queue.bodies()).toHaveLength(left);
    await rm(cwd, { recursive: true });
  });

  test("delete deletes nothing when the file cannot be written", async () => {
    const queue = await filled();
    // A folder in which no account can create a file.
    const ended = await run("delete", queue.url, "--yes", "--out", "/dev/null/file");
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("/dev/null/file cannot be written: ENOTDIR"),
    });
    await untouched(queue);
  });

  test("list warns of a RedrivePolicy, because SQS counts each receive", async () => {
    const { QueueUrl = "" } = await client.createQueue({ QueueName: `graveyard-${process.pid}` });
    const { Attributes } = await client.getQueueAttributes({ QueueUrl, AttributeNames: ["QueueArn"] });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 5 });
    const queue = await newQueue(client, { RedrivePolicy });
    const ended = await run("list", queue.url);
    expect(ended.stderr).toContain(
      "its RedrivePolicy moves a message after 5 receives, and this command receives each message",
    );
  });

  test.each(["redrive", "dead-letters"])(
    "%s of a queue that is missing or unreachable fails with one line",
    async (command) => {
      const args = command === "redrive" ? [command] : [command, "list"];
      const handler = command === "redrive" ? ["--function", "shop"] : [];
      const gone = await runSluice([...args, `${engine.endpoint}/000000000000/gone`, ...handler]);
      expect(gone).toMatchObject({ code: 2, stdout: "" });
      expect(gone.stderr).toMatch(
        /^sluice: the queue http:\S+\/gone: \S*QueueDoesNotExist.*; expected its name, account and region to be right\n$/,
      );
      const closed = await runSluice([...args, "http://127.0.0.1:1/000000000000/closed", ...handler]);
      expect(closed).toMatchObject({ code: 2, stdout: "" });
      expect(closed.stderr).toMatch(/^sluice: the queue http:\S+\/closed: .*ECONNREFUSED.*\n$/);
    },
  );
});
