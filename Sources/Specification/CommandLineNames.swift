internal import OCI
package import Planning

/// Why a name on the command line does not say which repositories are meant: a sentence, and what to do.
package struct NameProblem: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

extension SpecificationResult {
    /// A pattern such as `us/payments/**:v*`, with the aliases and groups of these specs.
    package func pattern(_ text: String) throws(NameProblem) -> ReferencePattern {
        let parts = try explaining { rules throws(ReferenceProblem) in try rules.policyPattern(text) }
        let origin = Origin(file: "command line", line: 1)
        return ReferencePattern(text: text, scopes: parts.scopes, tag: parts.tag, digest: parts.digest, origin: origin)
    }

    /// A registry, or a path below one: `us`, `us/payments/api`, `mirrors`, `ghcr.io/acme`.
    package func places(_ text: String) throws(NameProblem) -> [RepositoryPrefix] {
        try explaining { rules throws(ReferenceProblem) in try rules.prefixes(text) }
    }

    private func explaining<Value>(_ body: (ReferenceRules) throws(ReferenceProblem) -> Value) throws(NameProblem) -> Value {
        do throws(ReferenceProblem) {
            return try body(ReferenceRules(names: names))
        } catch {
            throw NameProblem(
                description: error.isReported ? "it stands on an entry with errors" : error.message + (error.help.map { "; \($0)" } ?? "")
            )
        }
    }
}
