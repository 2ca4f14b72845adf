// Faults of a target behind HTTP: two proxies, one that knows connections and one that knows answers.

import { type FaultyProxy, startFaultyProxy, startTcpProxy, type TcpProxyMode } from "@sluice/local";
import type { Fault } from "./target.ts";

const modes: Readonly<Partial<Record<Fault, TcpProxyMode>>> = {
  stop: "refuse",
  restart: "refuse",
  slow: "slow",
  silent: "hang",
};

/** Answers that no server should give, each in its turn. */
const nonsense = (bodies: readonly string[]) => {
  let answered = 0;
  return () => {
    answered += 1;
    const body = bodies[answered % bodies.length] ?? "";
    const headers = { "content-type": "application/json" };
    return { status: answered % 4 === 0 ? 502 : 200, headers, body };
  };
};

export interface HttpFaults {
  readonly endpoint: string;
  readonly begin: (fault: Fault) => Promise<void>;
  readonly end: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Opens them before an endpoint. `bodies` are what nonsense sounds like in the target's own protocol. */
export const httpFaults = async (target: string, bodies: readonly string[]): Promise<HttpFaults> => {
  const answers: FaultyProxy = await startFaultyProxy(target);
  // Later than the pipeline waits before it spills.
  const connections = await startTcpProxy(answers.endpoint, { slowMs: 800 });
  return {
    endpoint: connections.url.replace(/\/$/, ""),
    begin: async (fault) => {
      if (fault === "nonsense") answers.script(nonsense(["<html>busy</html>", "{", "{}", "[]", "null", ...bodies]));
      else connections.setMode(modes[fault] ?? "pass", fault === "restart" ? 0 : 1);
      if (fault === "restart") connections.setMode("pass");
    },
    end: async () => {
      answers.script(undefined);
      connections.setMode("pass");
    },
    stop: async () => {
      await connections.stop();
      await answers.stop();
    },
  };
};
