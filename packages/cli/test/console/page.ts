// What a page does: it asks the console's server, with the token of the address that the command printed.

import { expect } from "@jest/globals";
import type { RunView } from "@sluice/console";
import { type Started, startSluice } from "../support/sluice.ts";

/** An answer of the server. */
export interface PageAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A console as a process, and its page. */
export interface ConsolePage extends Pick<Started, "child" | "ended"> {
  readonly get: (path: string) => Promise<PageAnswer>;
  readonly post: (path: string, body?: unknown) => Promise<PageAnswer>;
  /** Starts a run, and waits for its end. */
  readonly run: (input: object) => Promise<RunView>;
  /** Waits until all runs have ended. */
  readonly idle: () => Promise<void>;
  /** All answers so far. */
  readonly texts: () => string;
  /** Ends the console by Ctrl-C. Returns its exit code. */
  readonly stop: () => Promise<number | undefined>;
}

const pauseMs = 100;

/** Starts `sluice console`. */
export const openConsole = async (
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd: string },
): Promise<ConsolePage> => {
  const started = startSluice(["console", ...args], options);
  let printed = "";
  started.child.stdout.on("data", (part: Buffer) => {
    printed += part;
  });
  await started.said(/#token=\S+\n/);
  const [, origin = "", token = ""] = /(http:\/\/127\.0\.0\.1:\d+)\/#token=(\S+)/.exec(printed) ?? [];
  const answers: string[] = [];
  let keys = 0;
  const ask = async (method: string, path: string, body?: unknown): Promise<PageAnswer> => {
    keys += 1;
    const response = await fetch(origin + path, {
      method,
      headers: {
        "x-sluice-token": token,
        ...(method === "POST" && { "content-type": "application/json", "idempotency-key": `key-of-the-test-${keys}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answers.push(text);
    expect(text).not.toContain(token);
    const isJson = /application\/json/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  };
  const get: ConsolePage["get"] = (path) => ask("GET", path);
  const post: ConsolePage["post"] = (path, body) => ask("POST", path, body);
  const runs = async (): Promise<readonly RunView[]> => (await get("/api/runs")).body as readonly RunView[];
  const idle = async (): Promise<void> => {
    while ((await runs()).some(({ endedAt }) => endedAt === undefined)) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  return {
    ...started,
    idle,
    get,
    post,
    run: async (input) => {
      const { status, body } = await post("/api/runs", input);
      expect({ status, body }).toMatchObject({ status: 200 });
      await idle();
      const run = (await runs()).find(({ id }) => id === (body as RunView).id);
      if (run === undefined) throw new Error("the console has forgotten the run");
      return run;
    },
    texts: () => answers.join("\n"),
    stop: async () => {
      started.child.kill("SIGINT");
      return (await started.ended).code;
    },
  };
};
