import { expect, test } from "@jest/globals";
import { template } from "../src/template.ts";

const greeting = template({ subject: "Hi {{name}}", text: "Dear {{name}} {{name}}", html: "<p>{{name}}</p>" });

test("a template escapes values in HTML, and removes their line breaks in the subject", () => {
  expect(greeting({ name: "<Ada & 'Bob'>\r\nBcc: x" })).toEqual({
    subject: "Hi <Ada & 'Bob'> Bcc: x",
    text: "Dear <Ada & 'Bob'>\r\nBcc: x <Ada & 'Bob'>\r\nBcc: x",
    html: "<p>&#60;Ada &#38; &#39;Bob&#39;&#62;\r\nBcc: x</p>",
  });
});

test("a template throws an error that names a missing value", () => {
  expect(() => greeting({})).toThrow("the template needs name");
});
