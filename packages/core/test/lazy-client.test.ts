import { describe, expect, test } from "@jest/globals";
import { lazyClient } from "../src/sink/lazy-client.ts";

interface Pool {
  readonly connect: () => string;
}

/** A pool whose `end` adds "end" to the log. */
const poolWithLog = (log: string[]) => ({ connect: () => "connected", end: async () => void log.push("end") });

describe("lazyClient", () => {
  test("creates the client once, at the first get", async () => {
    let made = 0;
    const { get } = lazyClient<Pool>(undefined, async () => {
      made += 1;
      return { connect: () => "connected", destroy: () => undefined };
    });
    expect(made).toBe(0);
    expect(await get()).toBe(await get());
    expect(made).toBe(1);
  });

  test("destroys the client that it created, unless the caller gives another way to end the client", async () => {
    const log: string[] = [];
    const destroyable = async () => ({ connect: () => "", destroy: () => void log.push("destroy") });
    const byDefault = lazyClient<Pool>(undefined, destroyable);
    const byEnd = lazyClient<Pool, ReturnType<typeof poolWithLog>>(
      undefined,
      async () => poolWithLog(log),
      (pool) => pool.end(),
    );
    for (const { get, close } of [byDefault, byEnd]) {
      await get();
      await close();
      await close();
    }
    expect(log).toEqual(["destroy", "end"]);
  });

  test("does not end a client before the first get, and never ends the user's own client", async () => {
    const log: string[] = [];
    const own = poolWithLog(log);
    const unused = lazyClient<Pool, typeof own>(
      undefined,
      async () => own,
      (pool) => pool.end(),
    );
    await unused.close();
    const given = lazyClient<Pool, typeof own>(
      own,
      async () => own,
      (pool) => pool.end(),
    );
    expect(await given.get()).toBe(own);
    await given.close();
    expect(log).toEqual([]);
  });

  test("removes the logger from the SDK's middleware", async () => {
    const removed: string[] = [];
    const middlewareStack = { remove: (name: string) => removed.push(name) > 0 };
    const client = lazyClient<object>(undefined, async () => ({ middlewareStack, destroy: () => undefined }));
    await client.get();
    expect(removed).toEqual(["loggerMiddleware"]);
  });
});
