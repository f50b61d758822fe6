internal import Files

/// A tar file, indexed in one pass over its headers; members are then read where they stand. Nothing is ever extracted by name.
struct TarArchive: ImageFiles {
    private static let mostMembers = 100_000
    private static let largestExtension: Int64 = 1 << 20
    private static let deepestLink = 8

    private enum Member {
        case file(start: Int64, size: Int64)
        /// The name it leads to, from the top of the archive; `nil`: out of it.
        case link(String?)
    }

    private let file: OpenFile
    private var members: [String: Member] = [:]
    private var repeated: Set<String> = []

    /// Throws `.tooLarge` and `.io` for what is no tar file or holds too much.
    init(_ file: OpenFile) throws(FileError) {
        self.file = file
        do throws(TarHeader.Invalid) {
            try readHeaders(end: try Self.size(of: file))
        } catch {
            throw FileError(.io, action: "read", path: file.path, reason: error.description)
        }
    }

    private static func size(of file: OpenFile) throws(TarHeader.Invalid) -> Int64 {
        do throws(FileError) { return try file.status().size } catch { throw TarHeader.Invalid(description: error.reason) }
    }

    // MARK: Finding

    func find(_ name: String) throws(FileError) -> FileRange? {
        switch members[try checked(name)] {
        case nil: return nil
        case .file(let start, let size): return FileRange(file: file, start: start, size: size)
        case .link: throw FileError(.link, action: "read", path: shown(name), reason: "it is a link, which is not followed here")
        }
    }

    func findFollowingLinks(_ name: String) throws(FileError) -> FileRange? {
        var name = try checked(name)
        for _ in 0...Self.deepestLink {
            switch members[name] {
            case nil: return nil
            case .file(let start, let size): return FileRange(file: file, start: start, size: size)
            case .link(let target):
                guard let target else {
                    throw FileError(.outside, action: "read", path: shown(name), reason: "it is a link that leads out of the archive")
                }
                name = target
            }
        }
        throw FileError(.link, action: "read", path: shown(name), reason: "its links lead too far, or in a circle")
    }

    func findUnique(_ name: String) throws(FileError) -> FileRange? {
        if repeated.contains(name) {
            throw FileError(.io, action: "read", path: shown(name), reason: "the archive holds two files of this name")
        }
        return try find(name)
    }

    private func shown(_ name: String) -> String { "\(name) in \(file.path)" }

    private func checked(_ name: String) throws(FileError) -> String {
        guard let normal = Self.normal(name, in: []) else {
            throw FileError(.outside, action: "read", path: shown(name), reason: "the name leads out of the archive")
        }
        return normal
    }

    /// Without `.`, `..` and doubled slashes; `nil`: absolute, or it leads out.
    private static func normal(_ name: String, in folder: [Substring]) -> String? {
        guard !name.hasPrefix("/"), !name.utf8.contains(0) else { return nil }
        var parts = folder
        for part in name.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                return nil
            }
        }
        return parts.joined(separator: "/")
    }

    // MARK: Indexing

    /// What extended headers say about the next member.
    private struct Extension {
        var name: String?
        var linkName: String?
        var size: Int64?
    }

    private mutating func readHeaders(end: Int64) throws(TarHeader.Invalid) {
        var offset: Int64 = 0
        var count = 0
        var pending = Extension()
        while offset < end, let header = try TarHeader(try block(at: offset)) {
            count += 1
            guard count <= Self.mostMembers else { throw TarHeader.Invalid(description: "it has more than \(Self.mostMembers) members") }
            let isExtension = [.pax, .globalPax, .longName, .longLink].contains(header.kind)
            let hasContent = isExtension || header.kind == .regular
            let size = isExtension ? header.size : pending.size ?? header.size
            offset += Int64(TarHeader.blockSize)
            guard !hasContent || size <= end - offset else {
                throw TarHeader.Invalid(description: "it ends in the middle of a file; it has been cut off")
            }
            if isExtension {
                try read(header, at: offset, into: &pending)
            } else {
                try add(header, pending, at: offset, size: size)
                pending = Extension()
            }
            if hasContent { offset += (size + Int64(TarHeader.blockSize) - 1) / Int64(TarHeader.blockSize) * Int64(TarHeader.blockSize) }
        }
    }

    private func block(at offset: Int64) throws(TarHeader.Invalid) -> [UInt8] {
        let block = try content(at: offset, count: TarHeader.blockSize)
        guard block.count == TarHeader.blockSize else { throw TarHeader.Invalid(description: "it is not a tar file, or has been cut off") }
        return block
    }

    private func content(at offset: Int64, count: Int) throws(TarHeader.Invalid) -> [UInt8] {
        do throws(FileError) {
            return try file.read(at: offset, count: count)
        } catch {
            throw TarHeader.Invalid(description: error.reason)
        }
    }

    private func read(_ header: TarHeader, at offset: Int64, into pending: inout Extension) throws(TarHeader.Invalid) {
        guard header.size <= Self.largestExtension else { throw TarHeader.Invalid(description: "an extended header of it is too large") }
        let bytes = try content(at: offset, count: Int(header.size))
        switch header.kind {
        case .longName: pending.name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        case .longLink: pending.linkName = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        case .pax:
            let records = try TarHeader.paxRecords(bytes)
            guard !records.keys.contains(where: { $0.hasPrefix("GNU.sparse.") }) else { throw Self.sparse }
            pending.name = records["path"] ?? pending.name
            pending.linkName = records["linkpath"] ?? pending.linkName
            if let text = records["size"] {
                guard let size = Int64(text), size >= 0 else {
                    throw TarHeader.Invalid(description: "an extended header of it holds an absurd size")
                }
                pending.size = size
            }
        default: break
        }
    }

    private static let sparse = TarHeader.Invalid(description: "it holds sparse files, which are not supported; pack it again without them")

    private mutating func add(_ header: TarHeader, _ pending: Extension, at offset: Int64, size: Int64) throws(TarHeader.Invalid) {
        // A member whose name leads out can never be asked for.
        guard let name = Self.normal(pending.name ?? header.name, in: []), !name.isEmpty else { return }
        let linkName = pending.linkName ?? header.linkName
        let member: Member
        switch header.kind {
        case .regular: member = .file(start: offset, size: size)
        case .hardLink: member = .link(Self.normal(linkName, in: []))
        case .symbolicLink: member = .link(Self.normal(linkName, in: Array(name.split(separator: "/").dropLast())))
        case .sparse: throw Self.sparse
        default: return
        }
        if members.updateValue(member, forKey: name) != nil { repeated.insert(name) }
    }
}
