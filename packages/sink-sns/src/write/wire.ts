// PublishBatch on the wire, in the AWS Query protocol: a form as the request, and XML as the answer. No I/O.

import type { IdAnswer } from "@sluice/core/sink-kit";
import type { PublishEntry } from "../encode.ts";

type IdEntry = PublishEntry & { readonly Id: string };

/** Appends one field to a form. */
const field = (name: string, value: string): string => `&${name}=${encodeURIComponent(value)}`;

const attributeFields = (prefix: string, attributes: IdEntry["MessageAttributes"]): string => {
  let form = "";
  let index = 0;
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes)) {
    index += 1;
    const at = `${prefix}MessageAttributes.entry.${index}.`;
    form += `${field(`${at}Name`, name)}${field(`${at}Value.DataType`, DataType)}`;
    if (StringValue !== undefined) form += field(`${at}Value.StringValue`, StringValue);
    if (BinaryValue !== undefined) form += field(`${at}Value.BinaryValue`, Buffer.from(BinaryValue).toString("base64"));
  }
  return form;
};

/** Returns the body of a request. @throws {URIError} if a text has half of a surrogate pair */
export const bodyOf = (topicArn: string, entries: readonly IdEntry[]): string => {
  let form = `Action=PublishBatch&Version=2010-03-31${field("TopicArn", topicArn)}`;
  entries.forEach(({ MessageAttributes, ...members }, index) => {
    const prefix = `PublishBatchRequestEntries.member.${index + 1}.`;
    for (const [name, value] of Object.entries(members)) form += field(prefix + name, value);
    form += attributeFields(prefix, MessageAttributes);
  });
  return form;
};

const marks: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const unescaped = (text: string): string =>
  text.replace(/&(?:#x([\da-f]+)|#(\d+)|(lt|gt|amp|quot|apos));/gi, (_, hex?: string, decimal?: string, name = "") => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal === undefined ? (marks[name] ?? "") : String.fromCodePoint(Number(decimal));
  });

const textIn = (xml: string, name: string): string | undefined => {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found === undefined ? undefined : unescaped(found);
};

/** Returns the members of a list, or none if the answer has no such list. */
const membersIn = (xml: string, list: string): string[] => {
  const [, members = ""] = new RegExp(`<${list}>(.*?)</${list}>`, "s").exec(xml) ?? [];
  return members.match(/<member>.*?<\/member>/gs) ?? [];
};

/** Reads an answer with the status 200. Undefined if its form is another one. */
export const answerOf = (xml: string): IdAnswer | undefined => {
  if (!/<PublishBatchResult>.*<\/PublishBatchResult>/s.test(xml)) return undefined;
  const Successful = membersIn(xml, "Successful").map((member) => ({ Id: textIn(member, "Id") }));
  const Failed = membersIn(xml, "Failed").map((member) => ({
    Id: textIn(member, "Id"),
    Code: textIn(member, "Code"),
    Message: textIn(member, "Message"),
    SenderFault: textIn(member, "SenderFault") === "true",
  }));
  const answers = [...Successful, ...Failed];
  return answers.length > 0 && answers.every(({ Id }) => Id !== undefined) ? { Successful, Failed } : undefined;
};
