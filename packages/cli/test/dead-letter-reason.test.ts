import { describe, expect, test } from "@jest/globals";
import { reasonOf } from "../src/dead-letters/list.ts";

describe("reasonOf", () => {
  test("keeps the code of Postgres and the column, which tell what to correct", () => {
    expect(
      reasonOf('[postgres] Postgres answered SQLSTATE 22P02, column "total" (numeric); its text is withheld'),
    ).toBe('[postgres] Postgres answered SQLSTATE 22P02, column "total" (numeric); its text is withheld');
  });

  test("leaves out quoted texts, addresses and numbers, also beside such a code", () => {
    expect(reasonOf(`item 17 has "Ada" at https://example.com/17, SQLSTATE 22P02, value "Bob"`)).toBe(
      "item … has … at … SQLSTATE 22P02, value …",
    );
  });
});
