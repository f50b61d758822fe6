// swift-tools-version: 6.2
import PackageDescription

// One module per stage of the data's way; imports run one way (see .github/CONTRIBUTING.md).
let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "crplan",
    products: [.executable(name: "crplan", targets: ["crplan"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .target(name: "Diagnostics"),
        .target(name: "YAMLTree", dependencies: ["CLibYAML", "Diagnostics"]),
        .target(name: "OCI", dependencies: [crypto]),
        .target(name: "Planning", dependencies: ["OCI", "Diagnostics", collections]),
        .target(name: "Specification", dependencies: ["YAMLTree", "Planning", "OCI", "Diagnostics"]),
        .target(name: "Files", dependencies: [systemPackage]),
        .target(name: "Registry", dependencies: ["OCI", nioCore]),
        .target(name: "Credentials", dependencies: ["Registry", "Files", "OCI", subprocess, logging, systemPackage]),
        .target(name: "RegistryHTTP", dependencies: ["Registry", "OCI", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging]),
        .target(name: "RegistryICR", dependencies: ["Registry", "RegistryHTTP", "OCI", logging]),
        .target(name: "RegistryLayout", dependencies: ["Registry", "Files", "OCI", systemPackage]),
        .target(name: "ImageSources", dependencies: ["Registry", "Files", "OCI", subprocess, systemPackage]),
        .target(name: "Inspection", dependencies: ["Planning", "Registry", "Files", "OCI", "Diagnostics", logging]),
        .target(name: "Execution", dependencies: ["Planning", "Registry", "Files", "OCI", logging]),
        .target(name: "Reporting", dependencies: ["Execution", "Inspection", "Planning", "OCI", "Diagnostics"]),
        .target(
            name: "CRPlanCLI",
            dependencies: [
                "Specification", "Planning", "Inspection", "Execution", "Credentials", "RegistryHTTP", "RegistryICR",
                "RegistryLayout", "ImageSources", "Reporting", "Registry", "Files", "OCI", "Diagnostics", "YAMLTree",
                argumentParser, logging, unixSignals, subprocess, systemPackage,
            ]
        ),
        .executableTarget(name: "crplan", dependencies: ["CRPlanCLI", "CMalloc", argumentParser]),
        .target(
            name: "RegistryTestSupport",
            dependencies: ["Registry", "OCI", "Files", crypto, nioCore, nioPosix, nioHTTP1, nioSSL, subprocess, systemPackage],
            path: "Tests/RegistryTestSupport"
        ),
        .target(
            name: "ICRSimulation",
            dependencies: [
                "RegistryTestSupport", "Registry", "OCI", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, subprocess, systemPackage,
            ],
            path: "Tests/ICRSimulation",
            exclude: ["SDK"]
        ),
        .executableTarget(
            name: "ICRSimulator",
            dependencies: ["ICRSimulation", "OCI", argumentParser, nioPosix, nioSSL, systemPackage],
            path: "Tests/ICRSimulator"
        ),
        .executableTarget(
            name: "PlanningBenchmark",
            dependencies: [
                "Specification", "Inspection", "Planning", "Diagnostics", "Registry", "RegistryTestSupport", "OCI", "CMalloc",
                argumentParser, logging,
            ],
            path: "Tests/PlanningBenchmark"
        ),
        .testTarget(name: "YAMLTreeTests", dependencies: ["YAMLTree", "RegistryTestSupport", "Diagnostics"]),
        .testTarget(name: "OCITests", dependencies: ["OCI", "RegistryTestSupport"]),
        .testTarget(name: "DiagnosticsTests", dependencies: ["Diagnostics"]),
        .testTarget(name: "PlanningTests", dependencies: ["Planning", "RegistryTestSupport", "OCI", "Diagnostics"]),
        .testTarget(
            name: "SpecificationTests",
            dependencies: ["Specification", "YAMLTree", "Planning", "RegistryTestSupport", "OCI", "Diagnostics"]
        ),
        .testTarget(name: "FilesTests", dependencies: ["Files", systemPackage]),
        .testTarget(name: "CredentialsTests", dependencies: ["Credentials", "Registry", "Files", "OCI", logging]),
        .testTarget(
            name: "RegistryHTTPTests",
            dependencies: ["RegistryHTTP", "Registry", "RegistryTestSupport", "OCI", asyncHTTPClient, nioCore, logging]
        ),
        .testTarget(name: "RegistryICRTests", dependencies: ["RegistryICR", "Registry", "OCI"]),
        .testTarget(
            name: "ICRSimulatorTests",
            dependencies: [
                "ICRSimulation", "RegistryICR", "RegistryHTTP", "Registry", "RegistryTestSupport", "Execution", "Inspection", "Planning",
                "Files", "OCI", logging,
            ]
        ),
        .testTarget(name: "RegistryLayoutTests", dependencies: ["RegistryLayout", "Registry", "RegistryTestSupport", "Files", "OCI"]),
        .testTarget(name: "ImageSourcesTests", dependencies: ["ImageSources", "Registry", "RegistryTestSupport", "Files", "OCI"]),
        .testTarget(
            name: "RegistryContractTests",
            dependencies: ["RegistryTestSupport", "RegistryHTTP", "RegistryLayout", "Registry", "Files", "OCI", logging]
        ),
        .testTarget(
            name: "InspectionTests",
            dependencies: ["Inspection", "Planning", "Registry", "RegistryLayout", "RegistryTestSupport", "OCI", "Files", logging]
        ),
        .testTarget(
            name: "ExecutionTests",
            dependencies: ["Execution", "Planning", "Registry", "RegistryTestSupport", "Files", "OCI", logging]
        ),
        .testTarget(
            name: "ReportingTests",
            dependencies: ["Reporting", "Planning", "Execution", "RegistryTestSupport", "Files", "OCI", "Diagnostics"],
            exclude: ["Golden"]
        ),
        .testTarget(
            name: "CRPlanCLITests",
            dependencies: [
                "CRPlanCLI", "ICRSimulation", "RegistryTestSupport", "Specification", "Planning", "Registry", "Files", "OCI", "Diagnostics",
                argumentParser,
            ]
        ),
        .testTarget(
            name: "RemovalPropertyTests",
            dependencies: [
                "RegistryTestSupport", "Specification", "Execution", "Inspection", "Planning", "Diagnostics", "RegistryHTTP",
                "RegistryLayout", "Registry", "Files", "OCI", logging,
            ]
        ),
        .testTarget(
            name: "ScenarioTests",
            dependencies: [
                "ICRSimulation", "RegistryTestSupport", "Execution", "Inspection", "Planning", "Diagnostics", "RegistryHTTP",
                "RegistryLayout", "Registry", "Files", "OCI", logging, subprocess, systemPackage,
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .treatAllWarnings(as: .error),
        ]
}
