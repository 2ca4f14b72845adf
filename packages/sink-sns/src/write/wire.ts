// PublishBatch on the wire, in the AWS Query protocol: a form as the request, and XML as the answer. No I/O.
// The SDK reads every answer but a plain success, so no general reader of XML is needed.

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

/** An answer without failed entries. */
const success =
  /<PublishBatchResult>\s*(?:<Failed\s*\/>|<Failed>\s*<\/Failed>)?\s*<Successful>(.*)<\/Successful>\s*(?:<Failed\s*\/>|<Failed>\s*<\/Failed>)?\s*<\/PublishBatchResult>.*<\/PublishBatchResponse>\s*$/s;

/** Returns the ids in an answer with the status 200. Undefined if it has failed entries or another form. */
export const takenIds = (xml: string): readonly string[] | undefined => {
  const [, list] = success.exec(xml) ?? [];
  // The SDK reads an answer that has comments, CDATA sections, entities, or members in a second list.
  if (list === undefined || /<!|&|<Failed>\s*<member/.test(xml)) return undefined;
  const members = list.split("</Id>").slice(0, -1);
  return members.map((member) => member.slice(member.lastIndexOf(">") + 1));
};
