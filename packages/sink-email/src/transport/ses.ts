// Amazon SES, API version 2. Each recipient gets a separate SendEmail request.

import {
  awsClientDefaults,
  awsRequestError,
  checkClient,
  checkOptionNames,
  checkText,
  checkWhole,
  invalidOption,
  lazyClient,
  missingDependency,
  type OptionNames,
  prepareAwsClient,
} from "@sluice/core/sink-kit";
import { sesService } from "../classify.ts";
import { isTag } from "../encode.ts";
import { headerMailbox } from "../mime/header.ts";
import type { EmailTransport, MailEnvelope } from "./transport.ts";

interface SesText {
  readonly Data: string;
  readonly Charset: string;
}

type SesContent =
  | { Raw: { Data: Uint8Array } }
  | {
      Simple: {
        Subject: SesText;
        Body: { Text?: SesText; Html?: SesText };
        Headers: { Name: string; Value: string }[];
      };
    };

/** The part of the request that the sink uses. Its arrays are mutable, because the SDK requires mutable arrays. */
export interface SesRequest {
  readonly FromEmailAddress: string;
  readonly Destination: { ToAddresses: string[] };
  readonly ReplyToAddresses?: string[];
  readonly Content: SesContent;
  readonly EmailTags?: { Name: string; Value: string }[];
  readonly ConfigurationSetName?: string;
}

/** The only method of `SESv2` that the sink calls. @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html */
export interface SesClient {
  readonly sendEmail: (
    input: SesRequest,
    options?: { readonly abortSignal?: AbortSignal },
  ) => Promise<{ readonly MessageId?: string | undefined }>;
}

/** Options of `sesTransport`. */
export interface SesTransportOptions {
  /** Your own `SESv2`. Default: the sink creates one at the first mail, without retries, because core retries. */
  readonly client?: SesClient;
  /** Name of the configuration set, for event publishing, reputation metrics and dedicated addresses. */
  readonly configurationSetName?: string;
  /** Tags of every mail. If a tag of the message has the same name, the tag of the message is used. */
  readonly tags?: { readonly [name: string]: string };
  /** Sends every mail as `Raw`, including mails that SES could build from their parts. Default false. */
  readonly alwaysRaw?: boolean;
  /** Maximum number of requests in flight, in each environment. Default 10. */
  readonly concurrency?: number;
}

const makeClient = async () => {
  const { SESv2 } = await import("@aws-sdk/client-sesv2").catch(
    missingDependency("sesTransport", "@aws-sdk/client-sesv2"),
  );
  return new SESv2(awsClientDefaults);
};

/** @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Message.html (read 2026-11-23) */
const maxSimpleHeaders = 15;

/** Whether SES can build the mail from its parts: one recipient, no attachments, and no headers that SES may encode. */
const isSimple = ({ mail }: MailEnvelope): boolean =>
  mail.recipients.length === 1 &&
  mail.to.length === 1 &&
  mail.cc.length === 0 &&
  mail.attachments.length === 0 &&
  mail.headers.length <= maxSimpleHeaders &&
  mail.headers.every(([name, value]) => /^(?!.*=\?)[\x20-\x7e]{1,870}$/.test(value) && name.length <= 126);

const utf8 = (Data: string) => ({ Data, Charset: "UTF-8" });

const simpleContent = ({ mail }: MailEnvelope): SesContent => ({
  Simple: {
    Subject: utf8(mail.subject),
    Body: {
      ...(mail.text === undefined ? {} : { Text: utf8(mail.text) }),
      ...(mail.html === undefined ? {} : { Html: utf8(mail.html) }),
    },
    Headers: mail.headers.map(([Name, Value]) => ({ Name, Value })),
  },
});

/** Creates the request for one recipient. */
const sendEmailInput = (envelope: MailEnvelope, options: SesTransportOptions): SesRequest => {
  const { mail, recipient } = envelope;
  const simple = isSimple(envelope) && options.alwaysRaw !== true;
  const tags = Object.entries({ ...options.tags, ...mail.tags });
  const [to] = mail.to;
  return {
    FromEmailAddress: headerMailbox(mail.from),
    Destination: { ToAddresses: [simple && to !== undefined ? headerMailbox(to) : recipient] },
    ...(mail.replyTo.length === 0 ? {} : { ReplyToAddresses: mail.replyTo.map(headerMailbox) }),
    Content: simple ? simpleContent(envelope) : { Raw: { Data: envelope.raw } },
    ...(tags.length === 0 ? {} : { EmailTags: tags.map(([Name, Value]) => ({ Name, Value })) }),
    ...(options.configurationSetName === undefined ? {} : { ConfigurationSetName: options.configurationSetName }),
  };
};

const known: OptionNames<SesTransportOptions> = {
  client: true,
  configurationSetName: true,
  tags: true,
  alwaysRaw: true,
  concurrency: true,
};

const checkSes = (options: SesTransportOptions): void => {
  checkOptionNames("sesTransport", options, known);
  const { client, configurationSetName, tags = {}, concurrency = 1 } = options;
  checkClient(client, "sendEmail", "an SESv2 of @aws-sdk/client-sesv2");
  if (configurationSetName !== undefined) checkText("configurationSetName", configurationSetName);
  if (!Object.entries(tags).flat().every(isTag)) {
    throw invalidOption("tags", "must hold letters, digits, _ and -, 256 at most");
  }
  checkWhole("concurrency", concurrency, [1, 1_000]);
};

/** Creates a transport that sends mails through SES. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const sesTransport = (options: SesTransportOptions = {}): EmailTransport => {
  checkSes(options);
  const client = lazyClient<SesClient>(options.client, makeClient);
  return {
    concurrency: options.concurrency ?? 10,
    classify: (sink, error) => awsRequestError(sink, sesService, error),
    send: async (envelope, abortSignal) => {
      const connected = await client.get();
      await connected.sendEmail(sendEmailInput(envelope, options), { abortSignal });
    },
    prepare: () => prepareAwsClient(client.get),
    close: client.close,
  };
};
