// A CDK app in CommonJS. Its argument is the directory of its assembly.

const { join } = require("node:path");
const { App, Stack } = require("aws-cdk-lib");
const { AttributeType, StreamViewType, Table } = require("aws-cdk-lib/aws-dynamodb");
const { SluicePipeline } = require("@sluice/cdk");

const app = new App({ outdir: process.argv[2] });
const stack = new Stack(app, "Test", { env: { account: "123456789012", region: "eu-west-1" } });
const table = new Table(stack, "Orders", {
  partitionKey: { name: "pk", type: AttributeType.STRING },
  stream: StreamViewType.NEW_AND_OLD_IMAGES,
});
new SluicePipeline(stack, "Sync", { table, entry: join(__dirname, "program.ts"), sinks: [] });
app.synth();
