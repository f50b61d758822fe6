internal import FoundationEssentials

/// A new private folder (0700) that is gone when `body` is over, whatever happened. The path is absolute.
package func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "\(FileManager.default.temporaryDirectory.path)/crplan-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

package func writeFile(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
}

package func readFile(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
}
