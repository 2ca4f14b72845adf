// Two proxies in front of an HTTP target simulate failures. One proxy breaks the connections. The other proxy sends
// malformed responses.

import { type FaultyProxy, startFaultyProxy, startTcpProxy, type TcpProxyMode } from "@sluice/local";
import type { Fault } from "./target.ts";

const modes: Readonly<Partial<Record<Fault, TcpProxyMode>>> = {
  stop: "refuse",
  restart: "refuse",
  slow: "slow",
  hang: "hang",
};

/** Creates a function that returns the malformed responses in turn. */
const garbledResponses = (bodies: readonly string[]) => {
  let count = 0;
  return () => {
    count += 1;
    const body = bodies[count % bodies.length] ?? "";
    const headers = { "content-type": "application/json" };
    return { status: count % 4 === 0 ? 502 : 200, headers, body };
  };
};

export interface HttpFaults {
  readonly endpoint: string;
  readonly begin: (fault: Fault) => Promise<void>;
  readonly end: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts both proxies in front of the target. `bodies` are malformed responses in the format of the target. */
export const httpFaults = async (target: string, bodies: readonly string[]): Promise<HttpFaults> => {
  const responses: FaultyProxy = await startFaultyProxy(target);
  // In the mode `slow`, a response takes longer than the pipeline's route timeout.
  const connections = await startTcpProxy(responses.endpoint, { slowMs: 800 });
  return {
    endpoint: connections.url.replace(/\/$/, ""),
    begin: async (fault) => {
      if (fault === "garble")
        responses.script(garbledResponses(["<html>busy</html>", "{", "{}", "[]", "null", ...bodies]));
      else connections.setMode(modes[fault] ?? "pass", fault === "restart" ? 0 : 1);
      if (fault === "restart") connections.setMode("pass");
    },
    end: async () => {
      responses.script(undefined);
      connections.setMode("pass");
    },
    stop: async () => {
      await connections.stop();
      await responses.stop();
    },
  };
};
