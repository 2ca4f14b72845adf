import { describe, expect, test } from "@jest/globals";
import { SinkError } from "@sluice/core/sink-kit";
import { classify, codeOf, connectionAfter } from "../src/classify.ts";

const secret = "confidential-4711";

/** A server error as pg throws it. Its text and its detail contain the secret. */
const serverError = (code: string, fields: object = {}): Error =>
  Object.assign(new Error(`Key (id)=(${secret}) is bad`), { code, severity: "ERROR", detail: secret, ...fields });

describe("codes", () => {
  const states: readonly (readonly [code: string, states: readonly string[]])[] = [
    ["SINK_CONFLICT", ["40001", "40P01", "55P03", "55006"]],
    ["SINK_TIMEOUT", ["57014"]],
    ["SINK_UNAVAILABLE", ["08006", "57P01", "57P02", "57P03", "25006", "53100", "53200", "XX000", "58030", "26000"]],
    ["SINK_THROTTLED", ["53300", "53400"]],
    ["SINK_DENIED", ["28000", "28P01", "42501"]],
    ["SINK_MISSING", ["42P01", "42703", "42P10", "42804", "428C9", "3D000", "3F000", "0A000"]],
    ["SINK_REFERENCE_MISSING", ["23503"]],
    [
      "SINK_REJECTED",
      ["22003", "22001", "22P02", "22021", "23502", "23505", "23514", "21000", "54000", "P0001", "44000", "UE001"],
    ],
  ];
  for (const [code, found] of states) {
    test.each(found)(`SQLSTATE %s is ${code}`, (state) => {
      expect(codeOf(serverError(state))).toBe(code);
    });
  }

  test.each([
    ["SINK_UNAVAILABLE", Object.assign(new Error("connect"), { code: "ECONNREFUSED" })],
    ["SINK_UNAVAILABLE", Object.assign(new Error("read"), { code: "ECONNRESET" })],
    ["SINK_UNAVAILABLE", new Error("Connection terminated unexpectedly")],
    ["SINK_UNAVAILABLE", new Error("timeout exceeded when trying to connect")],
    ["SINK_UNAVAILABLE", "a text"],
    ["SINK_UNAVAILABLE", undefined],
    ["SINK_TIMEOUT", new Error("Query read timeout")],
    ["SINK_DENIED", new Error("The server does not support SSL connections")],
    ["SINK_DENIED", Object.assign(new Error("self-signed"), { code: "SELF_SIGNED_CERT_IN_CHAIN" })],
    ["SINK_DENIED", Object.assign(new Error("altname"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" })],
  ])("an error that is not from the server is %s", (code, error) => {
    expect(codeOf(error)).toBe(code);
  });
});

describe("the text of an error", () => {
  test("contains SQLSTATE, column and constraint of a data error, and no value in message or cause", () => {
    const error = classify("rows", serverError("23505", { column: "email", constraint: "orders_email_key" }));
    expect(error).toBeInstanceOf(SinkError);
    expect(error.message).toContain(
      '[rows] Postgres answered SQLSTATE 23505, column "email", constraint "orders_email_key"',
    );
    expect(error.cause).toMatchObject({ code: "23505" });
    for (const text of [error.message, String(error.cause), JSON.stringify(error.cause)])
      expect(text).not.toContain(secret);
  });

  test("omits the text of a bad value for tsvector, ltree or jsonpath, which quotes the value", () => {
    expect(classify("rows", serverError("42601")).message).not.toContain(secret);
  });

  test("contains the name of a missing relation", () => {
    const error = Object.assign(new Error('relation "orders_sluice" does not exist'), {
      code: "42P01",
      severity: "ERROR",
    });
    expect(classify("rows", error).message).toContain('relation "orders_sluice" does not exist');
  });

  test("omits the text of an error from inside a function, whatever its SQLSTATE", () => {
    const error = serverError("42501", { where: "PL/pgSQL function refuse() line 2 at RAISE" });
    expect(classify("rows", error)).toMatchObject({
      code: "SINK_DENIED",
      message: expect.not.stringContaining(secret),
    });
  });

  test("contains the code of a lost connection if its error has no text, and this error is the cause", () => {
    const original = Object.assign(new Error(""), { code: "ECONNREFUSED" });
    expect(classify("rows", original)).toMatchObject({ cause: original, message: "[rows] ECONNREFUSED" });
  });
});

describe("a connection", () => {
  test.each(["23505", "57014", "40P01", "42P01"])("goes back to its pool after SQLSTATE %s", (state) => {
    expect(connectionAfter(serverError(state))).toBe("good");
  });
  test.each(["57P01", "08006", "XX000"])(
    "must answer another query after SQLSTATE %s, if it is not in English",
    (state) => {
      expect(connectionAfter(serverError(state))).toBe("good");
      expect(connectionAfter(serverError(state, { severity: "FEHLER" }))).toBe("doubtful");
      expect(connectionAfter(serverError(state, { severity: "FATAL" }))).toBe("lost");
    },
  );
  test("is closed after an error that is not from the server, and if the server is read-only", () => {
    expect(connectionAfter(new Error("Query read timeout"))).toBe("lost");
    expect(connectionAfter(serverError("25006"))).toBe("lost");
    expect(connectionAfter(serverError("25006", { where: "PL/pgSQL function f()" }))).toBe("good");
  });
});
