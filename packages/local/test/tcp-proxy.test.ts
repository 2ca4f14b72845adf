import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { startTcpProxy } from "../src/index.ts";

/** Opens an echo server behind a proxy. */
const open = async () => {
  const taken: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      taken.push(bytes.toString());
      socket.write(bytes);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startTcpProxy(`echo://127.0.0.1:${(server.address() as AddressInfo).port}`, { slowMs: 50 });
  /** Returns the answer, or undefined if the connection closes before an answer arrives. */
  const ask = async (text: string): Promise<string | undefined> => {
    const { hostname, port } = new URL(proxy.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write(text);
    const bytes = await new Promise<unknown>((resolve) =>
      socket.once("data", resolve).once("close", () => resolve(undefined)),
    );
    socket.destroy();
    return bytes instanceof Buffer ? bytes.toString() : undefined;
  };
  const close = async (): Promise<void> => {
    await proxy.stop();
    server.close();
  };
  return { proxy, ask, taken, close };
};

describe("a TCP proxy", () => {
  test.each([
    ["pass", "hello", ["hello"]],
    ["slow", "hello", ["hello"]],
    ["garble", "?! 4711 of nothing\r\n", ["hello"]],
    ["drop-answer", undefined, ["hello"]],
    ["drop-request", undefined, []],
    ["refuse", undefined, []],
  ] as const)("in mode %s answers %j", async (mode, answer, taken) => {
    const rig = await open();
    rig.proxy.setMode(mode);
    expect(await rig.ask("hello")).toBe(answer);
    expect(rig.taken).toEqual(taken);
    await rig.close();
  });

  test("that hangs forwards nothing and keeps the connection open until it is cut", async () => {
    const rig = await open();
    rig.proxy.setMode("hang");
    let settled = false;
    const asked = rig.ask("hello").then((answer) => {
      settled = true;
      return answer;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(settled).toBe(false);
    rig.proxy.cut();
    expect(await asked).toBeUndefined();
    expect(rig.taken).toEqual([]);
    await rig.close();
  });

  test("changes its mode after it has forwarded the given number of chunks", async () => {
    const rig = await open();
    rig.proxy.setMode("drop-answer", 2);
    expect([await rig.ask("1"), await rig.ask("2"), await rig.ask("3")]).toEqual(["1", "2", undefined]);
    expect(rig.taken).toEqual(["1", "2", "3"]);
    await rig.close();
  });
});
