export type { EmailAttachment, EmailMessage, Unsubscribe } from "./encode.ts";
export type { EmailAddress, Mailbox } from "./mime/mailbox.ts";
export type { EmailSinkOptions } from "./options.ts";
export { emailSink } from "./sink.ts";
export { type SesClient, type SesTransportOptions, sesTransport } from "./transport/ses.ts";
export {
  type SmtpMail,
  type SmtpSent,
  type SmtpTransporter,
  type SmtpTransportOptions,
  smtpTransport,
} from "./transport/smtp.ts";
export type { EmailTransport, MailEnvelope } from "./transport/transport.ts";
