package import OCI

/// Exactly what apply would do, and nothing that apply would have to ask the specs for.
package struct Plan: Hashable, Sendable {
    package static let formatVersion = 1

    /// What the plan was made from.
    package enum Source: Hashable, Sendable {
        case workspace
        /// `-f`: these files, from the root of them all.
        case files([String])
    }

    package struct SpecFile: Hashable, Sendable, Codable {
        /// From the workspace's root.
        package var path: String
        package var digest: Digest

        package init(path: String, digest: Digest) {
            self.path = path
            self.digest = digest
        }
    }

    /// What `plan --keep-going` could not read and therefore left out.
    package struct LeftOut: Hashable, Sendable, Codable {
        package var what: String
        package var reason: String
        package var origin: Origin?

        package init(what: String, reason: String, origin: Origin?) {
            self.what = what
            self.reason = reason
            self.origin = origin
        }
    }

    /// Bytes and counts for people; they bind nothing.
    package struct Estimate: Hashable, Sendable, Codable {
        /// Bytes of everything the content leads to.
        package var totalBytes: Int64
        /// Bytes that the target does not seem to have yet.
        package var bytesToSend: Int64
        /// For a delete: bytes that nothing which stays in the repository shares; `nil`: not known.
        package var bytesFreed: Int64?

        package init(totalBytes: Int64, bytesToSend: Int64, bytesFreed: Int64? = nil) {
            self.totalBytes = totalBytes
            self.bytesToSend = bytesToSend
            self.bytesFreed = bytesFreed
        }
    }

    /// What was looked at, for the sentence that says there is nothing to do.
    package struct Scope: Hashable, Sendable, Codable {
        package var declaredTags: Int
        /// Registries with a declared tag.
        package var registries: Int
        /// Tags in the repositories whose lists were read, that no entry declares.
        package var undeclaredTags: Int
        /// `absent` entries whose goal is already met.
        package var alreadyAbsent: Int

        package init(declaredTags: Int = 0, registries: Int = 0, undeclaredTags: Int = 0, alreadyAbsent: Int = 0) {
            self.declaredTags = declaredTags
            self.registries = registries
            self.undeclaredTags = undeclaredTags
            self.alreadyAbsent = alreadyAbsent
        }
    }

    package var source: Source
    package var specFiles: [SpecFile]
    package var gitCommit: String?
    /// The commit of `--removed-since`.
    package var removedSince: String?
    /// `--as-of` in RFC 3339, only when an age rule was used.
    package var asOf: String?
    /// The `--target` and `--exclude` globs that make this plan a partial one.
    package var targetFilters: [String]
    package var excludeFilters: [String]
    /// Those that changes use, sorted by id.
    package var registries: [RegistryDeclaration]
    package var contents: [PlannedContent]
    /// Sorted by id; the edges give the order.
    package var changes: [Change]
    package var estimates: [ChangeID: Estimate]
    package var leftOut: [LeftOut]
    package var scope: Scope

    package init(source: Source) {
        self.source = source
        specFiles = []
        targetFilters = []
        excludeFilters = []
        registries = []
        contents = []
        changes = []
        estimates = [:]
        leftOut = []
        scope = Scope()
    }

    package func content(_ id: PlannedContent.ID) -> PlannedContent? { contents.first { $0.id == id } }
}

/// Something the policy does not allow; nothing of the plan may be applied.
package struct Refusal: Hashable, Sendable {
    /// A stable short name: `protected`, `immutable`, `in-use`, `limit-deletions`, `not-owner`, `existing`, `needed`, …
    package var code: String
    /// One sentence without a full stop.
    package var message: String
    /// Every tag or digest that is concerned, in full.
    package var subjects: [String]
    package var origin: Origin?
    /// What to do, as a sentence.
    package var help: String?

    package init(code: String, message: String, subjects: [String] = [], origin: Origin? = nil, help: String? = nil) {
        self.code = code
        self.message = message
        self.subjects = subjects
        self.origin = origin
        self.help = help
    }
}
