// The CDK app: `npx aws-cdk deploy` runs it.

import { openSearchAccess, postgresAccess } from "@sluice/cdk";
import { App } from "aws-cdk-lib";
import { FanOutStack } from "./fan-out-stack.ts";
import { Targets } from "./targets.ts";

const app = new App();

new FanOutStack(app, "SluiceFanOut", {
  targets: (scope) => {
    const { vpc, database, search } = new Targets(scope, "Targets");
    return [
      postgresAccess({ database, secret: database.secret, vpc }),
      openSearchAccess({ domain: search, index: "orders" }),
    ];
  },
});
