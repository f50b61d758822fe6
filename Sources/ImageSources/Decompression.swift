internal import Files
internal import OCI
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// Compressed content, through the programs `gzip` and `zstd`, with limits against what unpacks without end.
enum Decompression {
    /// The form of a compressed file, told by its first bytes.
    enum Form: String, CaseIterable {
        case gzip, zstd, bzip2, xz

        var magic: [UInt8] {
            switch self {
            case .gzip: [0x1f, 0x8b]
            case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
            case .bzip2: Array("BZh".utf8)
            case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a]
            }
        }

        static func of(_ start: [UInt8]) -> Form? { allCases.first { start.starts(with: $0.magic) } }
    }

    /// Bytes that `size` compressed bytes may unpack to: a thousandfold, and 1 TiB at most.
    static func limit(for size: Int64) -> Int64 { min(max(size, 1 << 16).multipliedReportingOverflow(by: 1000).partialValue, 1 << 40) }

    /// The whole file, unpacked into a private folder that lives as long as the result's owner keeps it.
    static func unpack(_ range: FileRange, _ form: Form, into folder: TemporaryFolder, _ failure: SourceFailure) async throws(RegistryError)
    {
        guard form == .gzip || form == .zstd else {
            throw failure.error(
                .rejected,
                reason: "it is compressed with \(form.rawValue), which is not supported",
                help: "unpack it first"
            )
        }
        let target = try failure.files { () throws(FileError) in try folder.folder.create(unpackedName, mode: 0o600) }
        try await stream(range, form, failure) { (piece) throws(FileError) in try target.write(piece) }
    }

    static let unpackedName = "archive.tar"

    /// The digest of a gzip member's content.
    static func digest(of range: FileRange, like expected: Digest, _ failure: SourceFailure) async throws(RegistryError) -> Digest {
        var hasher = Digest.ContentHasher(expected.algorithm)
        try await stream(range, .gzip, failure) { (piece) throws(FileError) in hasher.update(piece) }
        return hasher.finalize()
    }

    /// Gives the unpacked bytes to `body`, piece by piece, and stops at the limit.
    private static func stream(
        _ range: FileRange,
        _ form: Form,
        _ failure: SourceFailure,
        _ body: (_ piece: [UInt8]) throws(FileError) -> Void
    ) async throws(RegistryError) {
        let limit = limit(for: range.size)
        do {
            let result = try await run(
                .name(form.rawValue),
                arguments: ["-dc"],
                input: .inputWriter,
                output: .sequence,
                error: .string(limit: 4096)
            ) { execution in
                let hasFailed = Atomic(false)
                async let fed: Void = feed(range, execution.standardInputWriter, until: hasFailed)
                var count: Int64 = 0
                var problem: FileError?
                // After a failure the rest is read and dropped: a program that cannot write would not read what is fed to it either.
                for try await buffer in execution.standardOutput where problem == nil {
                    count += Int64(buffer.count)
                    do throws(FileError) {
                        guard count <= limit else { throw tooLarge(range, limit) }
                        try body(buffer.withUnsafeBytes { Array($0) })
                    } catch {
                        problem = error
                        hasFailed.store(true, ordering: .relaxed)
                    }
                }
                try await fed
                if let problem { throw problem }
            }
            guard result.terminationStatus.isSuccess else {
                let said = result.standardError.split(separator: "\n").first.map(String.init) ?? "no reason given"
                throw failure.error(.corrupt, reason: "\(form.rawValue) cannot unpack it (\(said))")
            }
        } catch let error as RegistryError {
            throw error
        } catch let error as FileError {
            throw failure.error(error)
        } catch is CancellationError {
            throw failure.error(.cancelled, reason: "it was cancelled")
        } catch {
            throw failure.error(
                .localFile,
                reason: "it is compressed, and the program '\(form.rawValue)' cannot be run",
                help: "install \(form.rawValue), or unpack it first"
            )
        }
    }

    private static func tooLarge(_ range: FileRange, _ limit: Int64) -> FileError {
        FileError(.tooLarge, action: "unpack", path: range.file.path, reason: "it unpacks to more than \(limit) bytes")
    }

    /// A program that ends early, as for a damaged file, closes its end; what it says is told then.
    private static func feed(_ range: FileRange, _ writer: StandardInputWriter, until hasFailed: borrowing Atomic<Bool>) async throws {
        var offset: Int64 = 0
        while offset < range.size, !hasFailed.load(ordering: .relaxed) {
            let piece = try range.read(at: offset, count: 1 << 18)
            offset += Int64(piece.count)
            do { _ = try await writer.write(piece) } catch { break }
        }
        try? await writer.finish()
    }
}
