// The CDK app: `npx aws-cdk deploy` runs it.

import { fanOutApp } from "./fan-out-app.ts";

fanOutApp();
