// Opens the approval page through its function URL, whose host name does not resolve outside of AWS.

import { request } from "node:http";

/** What the page answered. */
export interface PageAnswer {
  readonly status: number;
  readonly body: string;
}

/** Requests a function URL from ministack, which finds the function by the name of the host. With a form: by POST. */
export const requestPage = (endpoint: string, link: string, form: string | undefined): Promise<PageAnswer> =>
  new Promise((resolve, reject) => {
    const { host, pathname, search } = new URL(link);
    const headers = { host, ...(form !== undefined && { "content-type": "application/x-www-form-urlencoded" }) };
    const method = form === undefined ? "GET" : "POST";
    const sent = request(new URL(`${pathname}${search}`, endpoint), { method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("error", reject).end(form);
  });
