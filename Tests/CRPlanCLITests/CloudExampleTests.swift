import ICRSimulation
import OCI
import RegistryTestSupport
import Testing

/// The example for IBM's cloud, as it stands: only variables say where a simulator is.
@Suite(.timeLimit(.minutes(5))) struct CloudExampleTests {
    @Test func `the example gives the plan beside it, and nothing is left to do after it`() async throws {
        try await withICRSimulator(ICRSimulator.Options(hosts: ["us.icr.io", "de.icr.io"])) { simulator in
            try Self.fill(simulator)
            let login = [
                "IBMCLOUD_API_KEY": simulator.options.apiKey, "CRPLAN_VAR_us_address": simulator.url(.open("us.icr.io")),
                "CRPLAN_VAR_de_address": simulator.url(.open("de.icr.io")), "CRPLAN_VAR_iam_address": simulator.url(.iam),
            ]
            try await withSandbox { sandbox in
                expect(try await sandbox.shell("cp -R '\(Clone.root)/examples/ibm-cloud/.' ."), 0)
                let plan = try await sandbox.crplan("plan", "--detailed-exitcode", with: login)
                expect(plan, 2)
                #expect(plan.stderr.isEmpty, "\(plan.stderr)")
                try GoldenText.check(plan.stdout, "examples/ibm-cloud/expected-plan.txt")
                expect(try await sandbox.crplan("apply", "--auto-approve", with: login), 0, stdout: ["Apply complete: "])
                expect(try await sandbox.crplan("plan", "--detailed-exitcode", with: login), 0, stdout: ["No changes."])
            }
        }
    }

    private static func fill(_ simulator: ICRSimulator) throws {
        // Later than every build, and more than a week after all but the newest.
        simulator.setClock(1_796_000_000)
        try simulator.update { account, now in
            func add(_ repository: String, _ tags: [String], _ seed: UInt64, platforms: [String] = [], day: Int = 1) throws {
                var image = SimulatedSeed(repository, host: "us.icr.io", tags: tags, seed: seed)
                image.created = "2026-10-\(day < 10 ? "0" : "")\(day)T08:00:00Z"
                image.platforms = platforms
                try account.seed(image, at: now)
            }
            for build in 1...7 { try add("shop-dev/worker", ["build-\(build)"], UInt64(build), day: build) }
            try add("shop-dev/api", ["1.4.2"], 20, platforms: ["linux/amd64", "linux/arm64"], day: 20)
            try add("shop-dev/web", ["1.4.2"], 21, day: 20)
            try add("shop-dev/prototype", ["old"], 22, day: 2)
            try add("shop-prod/api", ["1.3.0", "1.3"], 30, day: 3)
            try add("shop-prod/api", ["1.4.1", "stable"], 31, day: 10)
            try add("shop-prod/web", ["1.4.1", "stable"], 32, day: 10)
            try add("shop-prod/web", ["rc-7"], 33, day: 9)
        }
    }
}
