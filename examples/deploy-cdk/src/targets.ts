// The targets of the pipeline: a database and a search domain. If you have yours already, leave this file out.

import { RemovalPolicy, Validations } from "aws-cdk-lib";
import { IpAddresses, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { Domain, EngineVersion, TLSSecurityPolicy } from "aws-cdk-lib/aws-opensearchservice";
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from "aws-cdk-lib/aws-rds";
import { Construct } from "constructs";

/** What cdk-nag asks of a target in production, and an example leaves out. */
const leftOut = {
  "AwsSolutions-SMG4": "Rotation needs a function of AWS' own; turn it on with database.addRotationSingleUser().",
  "AwsSolutions-RDS6": "The example connects with a secret, which works with any Postgres.",
  "AwsSolutions-RDS10": "So that the example can be deleted; a final snapshot is taken.",
  "AwsSolutions-OS1": "The domain accepts signed requests only; put it into the VPC if yours must be private.",
  "AwsSolutions-OS3": "Requests come from the gateway's address; only the roles of the functions may sign them.",
  "AwsSolutions-OS4": "One small node for an example.",
  "AwsSolutions-OS5": "Rights are given to roles, and the domain has no policy that lets others in.",
  "AwsSolutions-OS7": "One small node for an example.",
  "AwsSolutions-OS9[LogExport::SEARCH_SLOW_LOGS]": "Slow logs cost more than the example.",
  "AwsSolutions-OS9[LogExport::INDEX_SLOW_LOGS]": "Slow logs cost more than the example.",
};

/** An Aurora cluster that pauses without connections, in a network of its own, and an OpenSearch domain. */
export class Targets extends Construct {
  readonly vpc: Vpc;
  readonly database: DatabaseCluster;
  readonly search: Domain;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    // Through the gateway the function reaches the AWS APIs and OpenSearch.
    this.vpc = new Vpc(this, "Network", {
      ipAddresses: IpAddresses.cidr("10.20.0.0/16"),
      maxAzs: 2,
      natGateways: 1,
      subnetConfiguration: [
        { name: "public", subnetType: SubnetType.PUBLIC, cidrMask: 24 },
        { name: "function", subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 24 },
        { name: "database", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
    });
    this.vpc.addFlowLog("Flows");
    this.database = new DatabaseCluster(this, "Database", {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 }),
      writer: ClusterInstance.serverlessV2("writer"),
      serverlessV2MinCapacity: 0,
      serverlessV2MaxCapacity: 4,
      vpc: this.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      defaultDatabaseName: "shop",
      storageEncrypted: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });
    this.search = new Domain(this, "Search", {
      version: EngineVersion.OPENSEARCH_2_19,
      capacity: { dataNodes: 1, dataNodeInstanceType: "t3.small.search", multiAzWithStandbyEnabled: false },
      ebs: { volumeSize: 10 },
      enforceHttps: true,
      tlsSecurityPolicy: TLSSecurityPolicy.TLS_1_2,
      nodeToNodeEncryption: true,
      encryptionAtRest: { enabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    for (const [id, reason] of Object.entries(leftOut)) Validations.of(this).acknowledge({ id, reason });
  }
}
