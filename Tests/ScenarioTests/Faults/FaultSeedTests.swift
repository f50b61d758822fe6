import FoundationEssentials
import RegistryTestSupport
import Testing

/// Copies through a proxy that misbehaves as a seed says. `CRPLAN_FAULT_SEED=17` runs one seed alone and says what it does.
@Suite("Seeded faults", .timeLimit(.minutes(10))) struct FaultSeedTests {
    private static let seeds = 200
    /// At least so many seeds have only faults that must do no harm.
    private static let leastHarmless = 120

    @Test func `faults that pass do no harm, and all others are told for what they are`() async throws {
        let copy = try SeededCopy()
        let alone = ProcessInfo.processInfo.environment["CRPLAN_FAULT_SEED"].flatMap { UInt64($0) }
        let seeds = (alone.map { [$0] } ?? (1...UInt64(Self.seeds)).map { $0 }).map { FaultSeed($0) }
        var tally = Tally()
        try await withThrowingTaskGroup(of: (FaultSeed, SeededCopy.Result).self) { group in
            var rest = seeds[...]
            func startNext() {
                guard let seed = rest.popFirst() else { return }
                group.addTask { (seed, try await copy.run(seed.source, seed.target)) }
            }
            for _ in 0..<6 { startNext() }
            while let (seed, result) = try await group.next() {
                startNext()
                judge(seed, result)
                tally.add(seed, result)
                if alone != nil { print("\(seed)\n\(result)") }
            }
        }
        print(tally)
        guard alone == nil else { return }
        #expect(tally.harmless >= Self.leastHarmless)
        #expect(tally.failures > 20)
    }

    private func judge(_ seed: FaultSeed, _ result: SeededCopy.Result) {
        #expect(result.violations == [], "\(seed): \(result.outcome)")
        switch result.outcome {
        case .complete: break
        case .failed(let reason):
            #expect(!seed.mustSucceed, "\(seed): \(reason)")
            // Which registry, and what of it.
            #expect(reason.contains("127.0.0.1:") && reason.contains("team/app"), "\(seed): \(reason)")
            #expect(!reason.contains("cancelled"), "\(seed): \(reason)")
        }
    }

    @Test func `a seed says the same on every run`() {
        for seed in UInt64(1)...50 { #expect(FaultSeed(seed) == FaultSeed(seed)) }
        #expect(Set((UInt64(1)...50).map { FaultSeed($0).description }).count == 50)
    }

    /// What the menus promise, so that each fault that is drawn strikes.
    @Test func `a copy without faults asks for what the menus promise`() async throws {
        let result = try await SeededCopy().run(FaultScript(), FaultScript())
        #expect(result.outcome == .complete)
        #expect(result.violations == [])
        let lasting = { (kind: RequestKind) in FaultScript([Fault(kind, first: 1, count: Fault.always, .status(503))]) }
        for kind in FaultSeed.sourceMenu.requests.keys where kind != .referrers {
            let result = try await SeededCopy().run(lasting(kind), FaultScript())
            #expect(result.outcome != .complete, "source: \(kind)")
        }
        for kind in FaultSeed.targetMenu.requests.keys {
            let result = try await SeededCopy().run(FaultScript(), lasting(kind))
            #expect(result.outcome != .complete, "target: \(kind)")
        }
    }

    static let rules: [(Fault, Bool)] = [
        (Fault(.getBlob, .delay(milliseconds: 5)), true), (Fault(.putUpload, .expireTokens), true),
        (Fault(.headManifest, .status(401)), true), (Fault(.token, .status(401)), false),
        (Fault(.headManifest, count: Fault.always, .status(401)), false), (Fault(.getManifest, .status(403)), false),
        (Fault(.headBlob, .status(403)), true), (Fault(.getBlob, .status(404)), false), (Fault(.tags, .page), false),
        (Fault(.putManifest, .status(500)), true), (Fault(.putManifest, count: 2, .status(500)), false),
        (Fault(.beginUpload, count: 4, .status(429, retryAfter: 20)), true), (Fault(.beginUpload, count: 5, .status(503)), false),
        (Fault(.putUpload, count: 4, .dropRequest(0.5)), true), (Fault(.getBlob, count: Fault.always, .truncate(0.5)), false),
        (Fault(.getBlob, .flipReply(0.5)), true), (Fault(.getBlob, count: 2, .flipReply(0.5)), false),
    ]

    @Test(arguments: rules) func `which faults pass is said by rule`(fault: Fault, isTransient: Bool) {
        #expect(FaultSeed.isTransient(fault) == isTransient, "\(fault)")
    }

    private struct Tally: CustomStringConvertible {
        var harmless = 0
        var succeeded = 0
        var survived = 0
        var failures = 0
        var requests = 0
        var struck: [String: Int] = [:]

        mutating func add(_ seed: FaultSeed, _ result: SeededCopy.Result) {
            requests += result.requests
            struck.merge(result.struck, uniquingKeysWith: +)
            if seed.mustSucceed { harmless += 1 }
            switch (result.outcome, seed.mustSucceed) {
            case (.complete, true): succeeded += 1
            case (.complete, false): survived += 1
            case (.failed, _): failures += 1
            }
        }

        var description: String {
            let faults = struck.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
            return
                "Seeded faults: \(succeeded) of \(harmless) harmless seeds succeeded; of the others \(failures) failed with their cause and "
                + "\(survived) succeeded whole; \(requests) requests reached the registries; struck: \(faults)"
        }
    }
}
