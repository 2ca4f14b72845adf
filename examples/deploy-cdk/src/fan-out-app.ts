// The app: the stack with a database and a search domain, and the rules that judge every stack of the app.

import { type FunctionOptions, openSearchAccess, postgresAccess, SluiceRules } from "@sluice/cdk";
import { App, Validations } from "aws-cdk-lib";
import { FanOutStack } from "./fan-out-stack.ts";
import { Targets } from "./targets.ts";

/** Creates the app, with a database and a search domain of its own. */
export const fanOutApp = (functionOptions: FunctionOptions = {}): App => {
  const app = new App();
  Validations.of(app).addPlugins(new SluiceRules());
  new FanOutStack(app, "SluiceFanOut", {
    functionOptions,
    targets: (scope) => {
      const { vpc, database, search } = new Targets(scope, "Targets");
      return [
        postgresAccess({ database, secret: database.secret, vpc }),
        openSearchAccess({ domain: search, index: "orders" }),
      ];
    },
  });
  return app;
};
