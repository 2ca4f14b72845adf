// A pipeline keeps its place in the stream while its module is edited, broken, crashes and is killed, and a writer writes:
// at the end Postgres has every item of the table, no change is lost, and the changes of each item came in order.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { expect, test } from "@jest/globals";
import pg from "pg";
import { type DevRun, startDev } from "../src/index.ts";
import { createWorkspace, type Workspace } from "./support/workspace.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** A small generator of random numbers (mulberry32), so that a seed repeats a run. */
const randomOf = (start: number) => {
  let state = start;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const journalSource = (edit: number): string => `
// edit ${edit}
import { appendFileSync } from "node:fs";

export const journal = {
  name: "journal",
  supports: { writes: "append" },
  write: async (batch) => batch.map((delivery) => {
    const { keys, after } = delivery.change;
    appendFileSync(process.env.JOURNAL_PATH, JSON.stringify([keys.id, after?.n ?? null]) + "\\n");
    return { delivery, outcome: "delivered" };
  }),
};
`;

/** `misbehave` is run for each change. */
const moduleSource = (edit: number, misbehave = ""): string => `
// edit ${edit}
import { pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { postgresSink } from "@sluice/sink-postgres";
import { journal } from "./journal.mjs";

const rows = postgresSink({
  connection: { connectionString: process.env.DATABASE_URL },
  table: "items",
  key: ["id"],
  columns: { id: "text", n: "numeric", tag: "text" },
});
export const items = pipeline("items", {
  source: process.env.SOURCE_TABLE,
  deadLetterQueue: sqsDeadLetterQueue({ queueUrl: process.env.DEAD_LETTER_QUEUE_URL }),
})
  .to(rows)
  .to(journal, (change) => { ${misbehave} return {}; }, { dedupe: "none" });
`;

const disturbances = [
  ["edit", (edit: number) => moduleSource(edit)],
  ["syntax error", (edit: number) => `${moduleSource(edit)}\nexport const = ;`],
  ["throws when it is loaded", (edit: number) => `${moduleSource(edit)}\nthrow new Error("broken ${edit}");`],
  ["ends when it is loaded", (edit: number) => `${moduleSource(edit)}\nprocess.exit(7);`],
  ["ends while it delivers", (edit: number) => moduleSource(edit, "if (Math.random() < 0.05) process.exit(3);")],
  [
    "throws outside of every call",
    (edit: number) => moduleSource(edit, 'if (Math.random() < 0.05) setImmediate(() => { throw new Error("late"); });'),
  ],
  ["mapper throws", (edit: number) => moduleSource(edit, 'if (Math.random() < 0) throw new Error("rejected");')],
] as const;

const keysCount = 20;
const writes = 1_500;

const writeItems = async (
  client: DynamoDB,
  random: () => number,
  isOver: () => boolean,
): Promise<Map<string, number>> => {
  const last = new Map<string, number>();
  let n = 0;
  while (n < writes || !isOver()) {
    n += 1;
    const id = `i-${Math.floor(random() * keysCount)}`;
    await client.putItem({ TableName: "items", Item: { id: { S: id }, n: { N: String(n) }, tag: { S: `t${n}` } } });
    last.set(id, n);
    if (n % 10 === 0) await sleep(15);
  }
  return last;
};

const killWorker = async (run: DevRun): Promise<void> => {
  try {
    const pid = await run.call("items", "pid", null, { signal: AbortSignal.timeout(1_000) });
    process.kill(pid as number, "SIGKILL");
  } catch {
    // there is no process at the moment
  }
};

const disturb = async (workspace: Workspace, run: DevRun, random: () => number): Promise<string[]> => {
  const done: string[] = [];
  for (let edit = 1; edit <= 25; edit += 1) {
    await sleep(100 + random() * 700);
    const chosen = Math.floor(random() * (disturbances.length + 2));
    const [name, source] = disturbances[chosen] ?? ["kill", undefined];
    if (source !== undefined) await workspace.write("items.mjs", source(edit));
    else if (chosen === disturbances.length) await killWorker(run);
    else await workspace.write("journal.mjs", journalSource(edit));
    done.push(source === undefined && chosen > disturbances.length ? "edit of an imported file" : name);
  }
  await workspace.write("items.mjs", moduleSource(1_000));
  return done;
};

const rowsOf = async (url: string): Promise<Map<string, number>> => {
  const client = new pg.Client(url);
  client.on("error", () => undefined);
  await client.connect();
  const { rows } = await client.query<{ id: string; n: string; tag: string }>("SELECT id, n, tag FROM items");
  await client.end();
  expect(rows.filter(({ n, tag }) => tag !== `t${n}`)).toEqual([]);
  return new Map(rows.map(({ id, n }) => [id, Number(n)]));
};

const addressIn = (run: DevRun, pattern: RegExp): string =>
  run
    .engines()
    .flatMap(({ address, lines }) => [address, ...lines.map(({ command }) => command)])
    .join("\n")
    .match(pattern)?.[1] ?? "";

test(`a pipeline loses nothing while its module changes (SEED=${seed})`, async () => {
  const random = randomOf(seed);
  const workspace = await createWorkspace();
  await workspace.write("journal.mjs", journalSource(0));
  await workspace.write("items.mjs", moduleSource(0));
  const lines: string[] = [];
  const run = await startDev({
    modules: [workspace.path("items.mjs")],
    worker: workspace.worker,
    onLine: (line) => lines.push(line),
    env: { JOURNAL_PATH: workspace.path("journal.txt") },
    directory: workspace.path("state"),
  });
  try {
    expect(run.pipelines()).toMatchObject([{ name: "items", table: "items", status: "running", keyNames: ["id"] }]);
    const endpoint = addressIn(run, /--endpoint-url (\S+) dynamodb/);
    const client = new DynamoDB({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "local", secretAccessKey: "local" },
    });
    let isOver = false;
    const writing = writeItems(client, random, () => isOver);
    const disturbed = await disturb(workspace, run, randomOf(seed + 1));
    isOver = true;
    const last = await writing;
    process.stdout.write(`${disturbed.join(", ")}\n`);
    const url = addressIn(run, /psql '([^']+)'/);
    for (let waited = 0; waited < 60_000; waited += 250) {
      const rows = await rowsOf(url);
      if ([...last].every(([id, n]) => rows.get(id) === n)) break;
      await sleep(250);
    }
    expect(await rowsOf(url)).toEqual(last);
    const changesInJournal = async () => {
      const lines = (await readFile(workspace.path("journal.txt"), "utf8")).trim().split("\n");
      return [...new Map(lines.map((line) => JSON.parse(line) as [string, number]).map(([id, n]) => [n, id]))];
    };
    // The route of the journal may be behind that of Postgres.
    const changes = Math.max(...last.values());
    for (let waited = 0; waited < 60_000 && (await changesInJournal()).length < changes; waited += 250)
      await sleep(250);
    await sleep(500);
    const distinct = await changesInJournal();
    expect(distinct.length).toBe(changes);
    for (const key of last.keys()) {
      const seen = distinct.filter(([, id]) => id === key).map(([n]) => n);
      expect(seen).toEqual([...seen].sort((one, other) => one - other));
    }
    expect(await Promise.all(run.queues().map(async ({ url: queue }) => (await run.depthOf(queue)).visible))).toEqual([
      0, 0,
    ]);
    client.destroy();
  } catch (error) {
    process.stdout.write(`${lines.slice(-60).join("\n")}\n`);
    throw error;
  } finally {
    await run.stop();
    await workspace.remove();
  }
}, 240_000);
