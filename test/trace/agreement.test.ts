// A property: whatever happens to an item in two routes, the conclusion agrees with what raw reads of the table, the targets
// and the queues show. A failure names its seed.

import { afterAll, describe, expect, test } from "@jest/globals";
import { streamEpoch, versionOf } from "@sluice/core/envelope";
import type { RouteState } from "@sluice/inspect";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type Random, randomOf } from "../convergence/random.ts";
import { openWorld, type RouteName, refusedTotal, type World } from "./world.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true }),
);

const routes: readonly [RouteName, RouteName] = ["postgres", "replica"];
const histories = Number(process.env.TRACE_HISTORIES ?? 5);
const firstSeed = Number(process.env.TRACE_SEED ?? Date.now() % 1_000_000);
const stepsOfHistory = 10;

/** What raw reads show of one route: the copy, and the version in the guard. */
interface RawCopy {
  readonly content: string | undefined;
  readonly version: string;
}

const contentOf = (total: unknown, note: unknown): string => `${total} ${note}`;

const rawCopy = async ({ pool, client, replica }: World, route: RouteName, id: string): Promise<RawCopy> => {
  if (route === "postgres") {
    const { rows } = await pool.query("SELECT total, note FROM orders WHERE id = $1", [id]);
    const guard = await pool.query("SELECT sluice_version FROM orders_sluice WHERE id = $1", [id]);
    const content = rows.length === 0 ? undefined : contentOf(rows[0].total, rows[0].note);
    return { content, version: guard.rows[0]?.sluice_version ?? "" };
  }
  const { Item } = await client.getItem({ TableName: replica, Key: { id: { S: id } }, ConsistentRead: true });
  const version = JSON.stringify(Item?._sluice ?? "").match(/\d{17}-[\d.]+/)?.[0] ?? "";
  const isLive = Item?.total !== undefined;
  return { content: isLive ? contentOf(Item?.total?.N, Item?.note?.S) : undefined, version };
};

/** The event ids and routes in a queue. */
const rawQueue = async ({ sqs }: World, QueueUrl: string): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  const handles: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 30 });
    if (Messages.length === 0) break;
    for (const { Body = "", ReceiptHandle = "" } of Messages) {
      const { sink, record } = JSON.parse(Body);
      found.add(`${sink} ${record.dynamodb.SequenceNumber}`);
      handles.push(ReceiptHandle);
    }
  }
  for (const ReceiptHandle of handles) {
    await sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
  return found;
};

/** What the trace must say of each route. The newest change of the item decides. */
const truthOf = async (world: World, id: string, last: string | undefined): Promise<Record<string, RouteState>> => {
  const { Item } = await world.client.getItem({ TableName: world.name, Key: { id: { S: id } }, ConsistentRead: true });
  const isWanted = Item !== undefined && Item.hidden?.BOOL !== true;
  const expected = isWanted ? contentOf(Item.total?.N, Item.note?.S) : undefined;
  const [retries, letters] = [await rawQueue(world, world.retryQueue), await rawQueue(world, world.deadLetters)];
  const truth: Record<string, RouteState> = {};
  for (const route of routes) {
    const { content, version } = await rawCopy(world, route, id);
    const key = `${route} ${last}`;
    const newest = last === undefined ? "" : versionOf(streamEpoch(world.streamArn), last);
    if (content === expected) truth[route] = "up to date";
    else if (version >= newest) truth[route] = "differs";
    else truth[route] = !retries.has(key) && letters.has(key) ? "rejected" : "behind";
  }
  return truth;
};

const deliveries = ["deliver", "deliver", "deliver", "deliver", "deliver"] as const;
const steps = ["put", "put", "put", "put", "remove", "switch", "retry", "by hand", "by hand", ...deliveries] as const;

type Step = (typeof steps)[number];

/** Ends what the history before has left. */
const settle = async (world: World): Promise<void> => {
  world.down.clear();
  await world.deliver();
  while ((await rawQueue(world, world.retryQueue)).size > 0) await world.consumeRetries();
};

const step = async (world: World, id: string, random: Random, choices: readonly [Step, ...Step[]]): Promise<string> => {
  const what = random.pick(choices);
  if (what === "put") {
    const total = random.chance(0.4) ? refusedTotal + random.integer(5) : random.integer(5);
    await world.put({ id, total, note: `n${random.integer(3)}`, hidden: random.chance(0.15) });
  } else if (what === "remove") await world.remove(id);
  else if (what === "deliver") await world.deliver(random.chance(0.5) ? 1 : undefined);
  else if (what === "retry") await world.consumeRetries();
  else if (what === "by hand") await world.pool.query("UPDATE orders SET note = 'by hand' WHERE id = $1", [id]);
  else {
    const route = random.pick(routes);
    if (!world.down.delete(route)) world.down.add(route);
  }
  return what;
};

/** Compares the conclusions with the truth. Returns the states. */
const compare = async (world: World, id: string, seed: number, story: readonly string[]): Promise<RouteState[]> => {
  const trace = await world.trace(id);
  const states = Object.fromEntries(trace.conclusions.map(({ routes: [route = ""], state }) => [route, state]));
  const truth = await truthOf(world, id, await world.lastOf(id));
  expect({ seed, story, states }).toEqual({ seed, story, states: truth });
  return Object.values(states);
};

/** Plays a history of one item, and compares after some of its steps. */
const play = async (world: World, seed: number): Promise<RouteState[]> => {
  const random = randomOf(seed);
  const id = `item-${seed}`;
  const story: string[] = [];
  const seen: RouteState[] = [];
  await settle(world);
  for (let index = 1; index < stepsOfHistory; index += 1) {
    story.push(await step(world, id, random, steps));
    if (random.chance(0.4)) seen.push(...(await compare(world, id, seed, story)));
  }
  if (random.chance(0.5)) await settle(world);
  story.push(await step(world, id, random, ["by hand"]));
  return [...seen, ...(await compare(world, id, seed, story))];
};

describeWithEngines("the conclusions of a trace", (engines) => {
  test(
    `agree with raw reads, in ${histories} histories from seed ${firstSeed} on`,
    async () => {
      const world = await openWorld(engines);
      const seen: RouteState[] = [];
      for (let index = 0; index < histories; index += 1) seen.push(...(await play(world, firstSeed + index)));
      const counts = [...new Set(seen)].map((state) => [state, seen.filter((one) => one === state).length]);
      process.stderr.write(`states that were seen: ${JSON.stringify(Object.fromEntries(counts))}\n`);
      await world.close();
    },
    60_000 + histories * 30_000,
  );
});
