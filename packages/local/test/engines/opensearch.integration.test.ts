import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { engineOrSkip, type OpensearchEngine, opensearchVersions, startOpensearch } from "../../src/index.ts";

const given = process.env.OPENSEARCH_URL;
const versions = given ? [undefined] : await opensearchVersions();
const limited = { "http.max_content_length": "10kb" };

afterEach(() => {
  if (given === undefined) delete process.env.OPENSEARCH_URL;
  else process.env.OPENSEARCH_URL = given;
});

for (const version of versions.length > 0 ? versions : [undefined]) {
  const start = (): Promise<OpensearchEngine> =>
    startOpensearch(version === undefined ? { settings: limited } : { version, settings: limited });
  const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, start);

  describeWithOpensearch(`OpenSearch ${version ?? "by default"}`, ({ url }) => {
    test("listens on 127.0.0.1, in the requested version", async () => {
      const answer = (await (await fetch(url)).json()) as { version: { number: string } };
      expect(new URL(url).hostname).toBe("127.0.0.1");
      expect(answer.version.number).toBe(version ?? answer.version.number);
    });

    test("runs with the given settings", async () => {
      const body = JSON.stringify({ text: "x".repeat(20_000) });
      const headers = { "content-type": "application/json" };
      expect((await fetch(`${url}/items/_doc`, { method: "POST", headers, body })).status).toBe(413);
    });
  });
}

/** The folder of the server with this URL. */
const folderOf = async (url: string): Promise<string | undefined> => {
  const port = `127.0.0.1:${new URL(url).port}`;
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith("sluice-opensearch-"));
  const ports = await Promise.all(
    folders.map((name) => readFile(join(tmpdir(), name, "logs", "http.ports"), "utf8").catch(() => "")),
  );
  return folders.find((_, index) => ports[index]?.includes(port));
};

const describeWithDefault = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

describeWithDefault("stopping OpenSearch", (engine) => {
  test("closes the port, removes its folder, and may be repeated", async () => {
    const before = await folderOf(engine.url);
    expect(before === undefined).toBe(given !== undefined);
    await engine.stop();
    await engine.stop();
    expect(await folderOf(engine.url)).toBeUndefined();
    if (given === undefined) await expect(fetch(engine.url)).rejects.toThrow();
  });
});

describe("an external OpenSearch", () => {
  test("is used without changes", async () => {
    process.env.OPENSEARCH_URL = "http://127.0.0.1:1";
    const engine = await startOpensearch();
    expect(engine.url).toBe("http://127.0.0.1:1");
    await engine.stop();
  });

  test("is rejected when settings are given", async () => {
    process.env.OPENSEARCH_URL = "http://127.0.0.1:1";
    await expect(startOpensearch({ settings: limited })).rejects.toMatchObject({ code: "ENGINE_MISSING" });
  });
});
