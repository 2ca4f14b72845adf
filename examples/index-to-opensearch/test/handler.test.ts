import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { PipelineHandler } from "@sluice/core";
import { engineOrSkip, startOpensearch } from "@sluice/local";
import { lambdaContext, streamEvent, tableHistory } from "@sluice/testing";

const describeWithOpensearch = await engineOrSkip({ describe, test, afterAll }, () => startOpensearch());

const film = (filmId: number, more: object = {}) => ({ filmId, Title: `Film ${filmId}`, "IMDB Rating": 7.5, ...more });

describeWithOpensearch("the films", ({ url }) => {
  const index = `films-${process.pid}`;
  let handler: PipelineHandler;
  let close: () => Promise<void>;

  /** Sets the environment variables that configure the function, as in Lambda. */
  beforeAll(async () => {
    Object.assign(process.env, {
      OPENSEARCH_NODE: url,
      FILMS_INDEX: index,
      SOURCE_TABLE: "Films",
      DEAD_LETTER_QUEUE_URL: "http://127.0.0.1:9/queue",
    });
    const { filmsSink } = await import("../src/films.ts");
    expect(await filmsSink.ensure()).toHaveLength(1);
    close = filmsSink.close;
    ({ handler } = await import("../src/handler.ts"));
  });

  afterAll(() => close());

  const search = async (query: object): Promise<unknown[]> => {
    await fetch(`${url}/${index}/_refresh`, { method: "POST" });
    const answer = await fetch(`${url}/${index}/_search`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, sort: ["filmId"], _source: ["filmId", "title", "rating"] }),
    });
    const { hits } = (await answer.json()) as { hits: { hits: { _source: unknown }[] } };
    return hits.hits.map(({ _source }) => _source);
  };

  test("are found with the values of the table, unless they are removed", async () => {
    const table = tableHistory({ tableName: "Films", keyNames: ["filmId"] });
    const records = [table.put(film(1)), table.put(film(2)), table.put(film(3, { Title: 300 }))];
    records.push(table.put(film(1, { "IMDB Rating": 9 })), table.remove({ filmId: 2 }));
    records.push(table.put(film(4, { Title: null, "IMDB Rating": null })));
    for (const cut of [records, records.slice(1, 3)]) {
      expect(await handler(streamEvent(cut), lambdaContext())).toEqual({ batchItemFailures: [] });
    }
    expect(await search({ match_all: {} })).toEqual([
      { filmId: 1, title: "Film 1", rating: 9 },
      { filmId: 3, title: "300", rating: 7.5 },
      { filmId: 4, rating: null },
    ]);
    expect(await search({ range: { rating: { gt: 8 } } })).toEqual([{ filmId: 1, title: "Film 1", rating: 9 }]);
  });
});

describe("the environment", () => {
  test.each([
    [{}, {}],
    [{ OPENSEARCH_USERNAME: "writer", OPENSEARCH_PASSWORD: "p" }, { auth: { username: "writer", password: "p" } }],
    [{ OPENSEARCH_SERVICE: "aoss", AWS_REGION: "eu-central-1" }, { auth: { region: "eu-central-1", service: "aoss" } }],
  ])("selects the authentication of the function (%#)", async (variables, options) => {
    const { authentication } = await import("../src/environment.ts");
    for (const name of ["OPENSEARCH_USERNAME", "OPENSEARCH_PASSWORD", "OPENSEARCH_SERVICE"]) delete process.env[name];
    Object.assign(process.env, variables);
    expect(authentication()).toEqual(options);
  });
});
