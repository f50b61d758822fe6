import FoundationEssentials
import RegistryTestSupport

/// The program that these tests run: `crplan`, built beside the test bundle.
enum CrplanProgram {
    /// Runs of the program at a time: more would only wait for the machine, and run into their time limits.
    private static let places = Places(4)

    static func path() throws -> String {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(filePath: bundle).deletingLastPathComponent().appending(path: "crplan").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw TestSupportError("\(path) is missing, and these tests run it: build with 'swift build --build-tests'")
        }
        return path
    }

    static func run(
        _ arguments: [String],
        environment: [String: String],
        in directory: String,
        input: String = "",
        handle: ToolHandle? = nil
    ) async throws -> ToolResult {
        let path = try path()
        return try await places.withPlace {
            try await RegistryTestSupport.run(
                path,
                arguments,
                environment: environment,
                in: directory,
                input: input,
                timeLimit: .seconds(120),
                handle: handle
            )
        }
    }
}

/// The folder of the clone.
enum Clone {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func text(_ path: String) throws -> String { String(decoding: try readFile("\(root)/\(path)"), as: UTF8.self) }
}
