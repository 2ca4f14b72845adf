// HTTP requests in the formats of API Gateway and Lambda function URLs.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html (read 2026-11-25)

/** An event of format 2.0 (function URLs, HTTP APIs) or 1.0 (REST APIs). Has only the members that the page reads. */
export interface HttpEvent {
  readonly requestContext?: { readonly http?: { readonly method?: string } };
  readonly httpMethod?: string;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>> | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

/** A response in the form that function URLs, HTTP APIs and REST APIs accept. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Returns the request's method. */
export const methodOf = ({ requestContext, httpMethod }: HttpEvent): string =>
  (requestContext?.http?.method ?? httpMethod ?? "").toUpperCase();

/** Returns a query parameter, or an empty text. */
export const queryOf = ({ queryStringParameters }: HttpEvent, name: string): string =>
  queryStringParameters?.[name] ?? "";

/** Returns a field of a submitted form, or an empty text. */
export const fieldOf = ({ body, isBase64Encoded }: HttpEvent, name: string): string => {
  const text = isBase64Encoded ? Buffer.from(body ?? "", "base64").toString() : (body ?? "");
  return new URLSearchParams(text).get(name) ?? "";
};
