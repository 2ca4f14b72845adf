import { readdir, readFile, readlink } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { S3 } from "@aws-sdk/client-s3";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startMinistack } from "../../src/index.ts";

const describeWithMinistack = await engineOrSkip({ describe, test, afterAll }, () => startMinistack({ endpoint: "" }));

const canConnect = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

/** The process whose environment has the port, or undefined. Linux only. */
const processWith = async (port: number): Promise<string | undefined> => {
  for (const id of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const [command, environment] = await Promise.all([
      readFile(`/proc/${id}/cmdline`, "latin1").catch(() => ""),
      readFile(`/proc/${id}/environ`, "latin1").catch(() => ""),
    ]);
    if (/\bministack\b/.test(command) && environment.split("\0").includes(`GATEWAY_PORT=${port}`)) return id;
  }
  return undefined;
};

/** Local addresses on which a process listens, as the kernel writes them: hexadecimal, and with the port. Linux only. */
const listeningOf = async (id: string): Promise<string[]> => {
  const files = await readdir(`/proc/${id}/fd`);
  const links = await Promise.all(files.map((file) => readlink(`/proc/${id}/fd/${file}`).catch(() => "")));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${id}/net/${name}`, "latin1")));
  const rows = tables.flatMap((table) => table.trim().split("\n").slice(1)).map((row) => row.trim().split(/\s+/));
  const listening = "0A";
  return rows.filter((row) => row[3] === listening && inodes.has(row[9] ?? "")).map((row) => row[1] ?? "");
};

const onLinux = process.platform === "linux" ? test : test.skip;

describeWithMinistack("ministack", (ministack) => {
  const { hostname, port } = new URL(ministack.endpoint);

  test("stores objects, and honours the conditions of a write", async () => {
    const s3 = new S3({ ...ministack.clientConfig, forcePathStyle: true });
    await s3.createBucket({ Bucket: "orders-copy" });
    const object = { Bucket: "orders-copy", Key: "one" };
    const { ETag } = await s3.putObject({ ...object, Body: "1", IfNoneMatch: "*" });
    await expect(s3.putObject({ ...object, Body: "2", IfNoneMatch: "*" })).rejects.toThrow();
    await s3.putObject({ ...object, Body: "3", IfMatch: ETag });
    await expect(s3.putObject({ ...object, Body: "4", IfMatch: ETag })).rejects.toThrow();
    expect(await (await s3.getObject(object)).Body?.transformToString()).toBe("3");
    s3.destroy();
  });

  test("listens on 127.0.0.1, and on no other address of this machine", async () => {
    expect(hostname).toBe("127.0.0.1");
    expect(await canConnect(hostname, Number(port))).toBe(true);
    const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0).map(({ address }) => address),
    );
    expect(await Promise.all(others.map((address) => canConnect(address, Number(port))))).not.toContain(true);
  });

  onLinux("has one listening socket", async () => {
    const hex = Number(port).toString(16).toUpperCase().padStart(4, "0");
    const id = await processWith(Number(port));
    expect(await listeningOf(id ?? "no process")).toEqual([`0100007F:${hex}`]);
  });
});

test("an external ministack is used without changes", async () => {
  const engine = await startMinistack({ endpoint: "http://127.0.0.1:1" });
  expect(engine.clientConfig.endpoint).toBe("http://127.0.0.1:1");
  await engine.stop();
});
