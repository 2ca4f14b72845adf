// A fake Postgres server that only negotiates TLS, with a self-signed certificate.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { TLSSocket } from "node:tls";

// Created with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgItqVxW9USrTr6yeC
9gY5ehXCMvo4eY3+9MnUAzNZbuKhRANCAARUSMHg+g5tQq7eexBxKCQDEuGTyBTU
Ym3Hgm0YdyABG0hCCqH64RHzCiW6zL0N7LF/uadiTk+NvCMyO5m91xEF
-----END PRIVATE KEY-----`;

/** The certificate of `localhost`, valid until 2126. */
export const certificate: string = `-----BEGIN CERTIFICATE-----
MIIBljCCATugAwIBAgIUcirViZi3mzaGoMAhywd8+vnzEvUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE5NDMxMloYDzIxMjYxMDMw
MTk0MzEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARUSMHg+g5tQq7eexBxKCQDEuGTyBTUYm3Hgm0YdyABG0hCCqH64RHz
CiW6zL0N7LF/uadiTk+NvCMyO5m91xEFo2kwZzAdBgNVHQ4EFgQUo8PgtdWcnGct
gOHQ5jIRgnrObyMwHwYDVR0jBBgwFoAUo8PgtdWcnGctgOHQ5jIRgnrObyMwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SQAwRgIhALgzfbgbtxPedSxqt5C5PqoHUp5o6wdAXTI4Rx+ZlziVAiEA7lb+CGgl
Sp3TOwr8OQpUrGHacyuxLELso0hwOeumKf4=
-----END CERTIFICATE-----`;

export interface TlsServer {
  readonly port: number;
  /** Number of clients that accepted the certificate. */
  readonly accepted: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a server. It answers the client's request for TLS with `S` (yes) or `N` (no), and offers nothing else. */
export const openTlsServer = async (answer: "S" | "N"): Promise<TlsServer> => {
  let accepted = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write(answer);
      if (answer === "N") return;
      const secure = new TLSSocket(socket, { isServer: true, key, cert: certificate });
      secure.on("error", () => undefined);
      secure.once("data", () => {
        accepted += 1;
        secure.destroy();
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
};
