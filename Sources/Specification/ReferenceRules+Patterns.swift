internal import OCI
internal import Planning

/// A written pattern `name[:tag][@digest]`, taken apart.
struct PatternParts: Sendable {
    var scopes: [RepositoryPattern]
    var tag: Glob?
    var digest: Digest?
}

extension ReferenceRules {
    /// A pattern of `policy`: it may begin with an alias, group, host, `*` or `**`.
    func policyPattern(_ text: String) throws(ReferenceProblem) -> PatternParts {
        let parts = try Self.takeApart(text)
        let (first, path) = Self.split(parts.name)
        guard first == "*" || first == "**" else { return try pattern(parts, first, path, text) }
        let glob: String
        if first == "**" {
            glob = String(parts.name)
        } else if let path {
            glob = String(path)
        } else {
            throw ReferenceProblem(
                "no-repository",
                "'\(text)' names registries, not repositories",
                help: "write '**\(text.dropFirst())' for all of them"
            )
        }
        try Self.checkPath(glob, written: text)
        return PatternParts(scopes: [RepositoryPattern(registry: nil, path: Glob(glob))], tag: parts.tag, digest: parts.digest)
    }

    /// A pattern that must begin with an alias, group or host.
    func scopedPattern(_ text: String) throws(ReferenceProblem) -> PatternParts {
        let parts = try Self.takeApart(text)
        let (first, path) = Self.split(parts.name)
        if first.contains("*") {
            throw ReferenceProblem(
                "no-registry",
                "'\(text)' must begin with an alias, group or host: what is removed is named with its registry",
                help: "make a group of the registries that are meant"
            )
        }
        return try pattern(parts, first, path, text)
    }

    private func pattern(_ parts: Parts, _ first: Substring, _ path: Substring?, _ text: String) throws(ReferenceProblem) -> PatternParts {
        if first.contains("*") {
            throw ReferenceProblem(
                "unknown-registry",
                "'\(first)' is no alias, group or host",
                help: "a pattern begins with one of these, or with '*' or '**'"
            )
        }
        let scopes = try names.places(first).map { place throws(ReferenceProblem) in try Self.scope(place, path, first, text) }
        return PatternParts(scopes: scopes, tag: parts.tag, digest: parts.digest)
    }

    private static func scope(
        _ place: RepositoryPrefix,
        _ path: Substring?,
        _ first: Substring,
        _ text: String
    ) throws(ReferenceProblem) -> RepositoryPattern {
        guard let full = joined(place.path, path) else {
            let everything = "\(first)/**\(text.dropFirst(first.count))"
            throw ReferenceProblem(
                "no-repository",
                "'\(text)' names a registry, not a repository",
                help: "write '\(everything)' for all of it"
            )
        }
        try checkPath(full, written: text)
        try checkLayout(place.registry, full, written: text)
        let isOfficial = place.registry == .dockerHub && !full.contains("/") && !full.contains("*")
        return RepositoryPattern(registry: place.registry, path: Glob(isOfficial ? "library/\(full)" : full))
    }

    private static func joined(_ prefix: RepositoryName?, _ path: Substring?) -> String? {
        switch (prefix, path) {
        case (nil, nil): nil
        case (let prefix?, nil): prefix.description
        case (nil, let path?): String(path)
        case (let prefix?, let path?): "\(prefix)/\(path)"
        }
    }

    private struct Parts {
        var name: Substring
        var tag: Glob?
        var digest: Digest?
    }

    private static func takeApart(_ text: String) throws(ReferenceProblem) -> Parts {
        var rest = Substring(text)
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            do throws(Digest.Invalid) {
                digest = try Digest(rest[rest.index(after: at)...])
            } catch {
                throw ReferenceProblem("invalid-reference", "'\(text)' has no valid digest: \(error)")
            }
            rest = rest[..<at]
        }
        let lastStart = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        guard let colon = rest[lastStart...].firstIndex(of: ":"), !isPort(rest, colon, isFirst: lastStart == rest.startIndex) else {
            return Parts(name: rest, tag: nil, digest: digest)
        }
        let tag = String(rest[rest.index(after: colon)...])
        if let problem = tagProblem(tag) { throw ReferenceProblem("invalid-reference", "'\(text)' is not a valid pattern: \(problem)") }
        return Parts(name: rest[..<colon], tag: Glob(tag), digest: digest)
    }

    /// `localhost:5000` and `lab.example:5000` without a path are hosts with a port.
    private static func isPort(_ text: Substring, _ colon: String.Index, isFirst: Bool) -> Bool {
        isFirst && ReferenceParts.isHost(text[..<colon]) && text[text.index(after: colon)...].allSatisfy(\.isNumber)
    }

    private static func tagProblem(_ tag: String) -> String? {
        if tag.contains("*") { return TextForm.tagGlob.problem(tag) }
        return TextForm.tag.problem(tag)
    }

    private static func checkPath(_ path: String, written text: String) throws(ReferenceProblem) {
        if path.contains("*") {
            if let problem = TextForm.repositoryGlob.problem(path) {
                throw ReferenceProblem("invalid-reference", "'\(text)' is not a valid pattern: \(problem)")
            }
            return
        }
        do throws(InvalidName) {
            _ = try RepositoryName(path)
        } catch {
            throw ReferenceProblem("invalid-reference", "'\(text)' is not a repository: \(error)")
        }
    }
}
