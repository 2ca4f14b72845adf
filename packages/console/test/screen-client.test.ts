import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createActions, doubleClickMs, retryMs } from "../src/page/idempotency.ts";
import { linesOf } from "../src/page/lines.ts";
import { takeToken } from "../src/page/token.ts";

describe("takeToken", () => {
  test.each([
    ["#token=abc", { token: "abc", rest: "" }],
    ["#token=abc&place=2", { token: "abc", rest: "#place=2" }],
    ["#place", { token: undefined, rest: "#place" }],
    ["#token=", { token: undefined, rest: "" }],
    ["#", { token: undefined, rest: "" }],
    ["", { token: undefined, rest: "" }],
  ])("%j", (fragment, expected) => expect(takeToken(fragment)).toEqual(expected));
});

describe("createActions", () => {
  const setUp = () => {
    let time = 0;
    let keys = 0;
    const actions = createActions(
      () => `key-${++keys}`,
      () => time,
    );
    const sent: string[] = [];
    const send = (answer: () => Promise<unknown>) => (key: string) => {
      sent.push(key);
      return answer();
    };
    const pass = (ms: number): void => {
      time += ms;
    };
    return { actions, sent, send, pass };
  };
  const isAnswer = (error: unknown): boolean => error instanceof RangeError;
  const done = async (): Promise<string> => "done";

  test("sends the second click of a double click not at all", async () => {
    const { actions, sent, send, pass } = setUp();
    const first = actions.once("drop", send(done), isAnswer);
    pass(200);
    const second = actions.once("drop", send(done), isAnswer);
    expect(await Promise.all([first, second])).toEqual(["done", "done"]);
    pass(doubleClickMs - 200);
    await actions.once("drop", send(done), isAnswer);
    expect(sent).toEqual(["key-1"]);
  });

  test("does an equal action again later, and another one at once", async () => {
    const { actions, sent, send, pass } = setUp();
    await actions.once("drop", send(done), isAnswer);
    await actions.once("edit", send(done), isAnswer);
    pass(doubleClickMs + 1);
    await actions.once("drop", send(done), isAnswer);
    expect(sent).toEqual(["key-1", "key-2", "key-3"]);
  });

  test("waits for an action that is under way, however long it takes", async () => {
    const { actions, sent, send, pass } = setUp();
    let resolve: (text: string) => void = () => {};
    const late = new Promise<string>((end) => {
      resolve = end;
    });
    const first = actions.once(
      "drop",
      send(() => late),
      isAnswer,
    );
    pass(60_000);
    const second = actions.once("drop", send(done), isAnswer);
    resolve("late");
    expect(await Promise.all([first, second])).toEqual(["late", "late"]);
    expect(sent).toEqual(["key-1"]);
  });

  test("tries an action without an answer again with its key", async () => {
    const { actions, sent, send, pass } = setUp();
    const fails = async (): Promise<never> => {
      throw new TypeError("no network");
    };
    await expect(actions.once("drop", send(fails), isAnswer)).rejects.toThrow("no network");
    pass(retryMs);
    await expect(actions.once("drop", send(fails), isAnswer)).rejects.toThrow("no network");
    pass(retryMs + 1);
    expect(await actions.once("drop", send(done), isAnswer)).toBe("done");
    expect(sent).toEqual(["key-1", "key-1", "key-2"]);
  });

  test("gives an action whose error was an answer another key", async () => {
    const { actions, sent, send, pass } = setUp();
    const refused = async (): Promise<never> => {
      throw new RangeError("refused");
    };
    await expect(actions.once("drop", send(refused), isAnswer)).rejects.toThrow("refused");
    pass(doubleClickMs + 1);
    await actions.once("drop", send(done), isAnswer);
    expect(sent).toEqual(["key-1", "key-2"]);
  });
});

describe("linesOf", () => {
  const linesIn = async (pieces: readonly string[]): Promise<string[]> => {
    async function* arriving() {
      yield* pieces;
    }
    const lines: string[] = [];
    for await (const line of linesOf(arriving())) lines.push(line);
    return lines;
  };

  test("reads the same lines however the text is cut", async () => {
    const seed = Date.now() % 2 ** 31;
    const line = fc.string({ unit: fc.constantFrom("{", "}", "ä", "1"), minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(40)), async (lines, cuts) => {
        const text = lines.map((one) => `${one}\n`).join("");
        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        expect(await linesIn(pieces)).toEqual(lines);
      }),
      { seed },
    );
  });

  test("keeps a last line without a line break, and drops empty lines", async () => {
    expect(await linesIn(['{"a":', "1}\n\n \n", '{"b":2}'])).toEqual(['{"a":1}', '{"b":2}']);
  });
});
