// A self-signed certificate for localhost and its key: only for tests of TLS.

/** The certificate, in PEM. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUXZ8BGCSpKHEqC5tlQwNph8w4i34wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE5NTIzM1oYDzIxMjYxMDMw
MTk1MjMzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARPW7QH+zGX/EIjlJWhx/YojRr/14Hnp0VxfFMlhCBLWpilCn4lsT2s
5kU8Cflh6ktqaIGl+3ufOhfZKjV5YirVo28wbTAdBgNVHQ4EFgQUqGdU2um5C+rw
088lTds/0lpGJWIwHwYDVR0jBBgwFoAUqGdU2um5C+rw088lTds/0lpGJWIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAKa7vCjszHrlsrUKh/KTPDEQkePc7pwj1Iuy/CXG2E+0AiEA
kdlq+20J6Gvez4jaKEg2zU37OTD/daIwPtMat9AlxxA=
-----END CERTIFICATE-----
`;

/** The private key, in PEM. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBv5Zc9oEPWl6z4p7
K7hBg7l085EziDb3ZOa8h+yZBWihRANCAARPW7QH+zGX/EIjlJWhx/YojRr/14Hn
p0VxfFMlhCBLWpilCn4lsT2s5kU8Cflh6ktqaIGl+3ufOhfZKjV5YirV
-----END PRIVATE KEY-----
`;
