export type { EmailAddress, Mailbox } from "./address.ts";
export type { EmailAttachment, EmailMessage, Unsubscribe } from "./encode.ts";
export type { EmailOptions } from "./options.ts";
export { email } from "./sink.ts";
export type { EmailTransport, Envelope } from "./transport.ts";
export { type SesClient, type SesOptions, ses } from "./transport-ses.ts";
export { type SmtpMail, type SmtpOptions, type SmtpSent, type SmtpTransporter, smtp } from "./transport-smtp.ts";
