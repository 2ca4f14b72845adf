import { describe, expect, test } from "@jest/globals";
import { Webhook } from "standardwebhooks";
import { keyOf, signatureHeaders } from "../src/request/signature.ts";

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;

const headersBy = (secrets: readonly string[], nowMs = Date.now()) =>
  signatureHeaders(
    "o-1:hook",
    nowMs,
    '{"note":"é"}',
    secrets.map((secret) => keyOf(secret) as Buffer),
  );

describe("a signature", () => {
  test("is accepted by the library of the standard", () => {
    const receiver = new Webhook(secretOf(1));
    expect(receiver.verify('{"note":"é"}', { ...headersBy([secretOf(1)]) })).toEqual({ note: "é" });
    expect(() => receiver.verify('{"note":"e"}', { ...headersBy([secretOf(1)]) })).toThrow();
  });

  test("is made with both secrets during a rotation", () => {
    const headers = { ...headersBy([secretOf(1), secretOf(2)]) };
    for (const byte of [1, 2]) expect(new Webhook(secretOf(byte)).verify('{"note":"é"}', headers)).toBeDefined();
    expect(() => new Webhook(secretOf(3)).verify('{"note":"é"}', headers)).toThrow();
  });

  test("equals the example of the standard", () => {
    const key = keyOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") as Buffer;
    const body = '{"test": 2432232314}';
    expect(signatureHeaders("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, body, [key])).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  test("is absent without a secret, while id and timestamp are present", () => {
    expect(Object.keys(headersBy([]))).toEqual(["webhook-id", "webhook-timestamp"]);
  });
});
