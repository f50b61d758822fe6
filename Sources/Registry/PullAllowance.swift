/// How many manifests a run may read from one registry, where a pull is a `GET` of a manifest, as Docker Hub counts them.
package struct PullAllowance: Hashable, Sendable {
    /// As the spec says, for one run; `nil`: it does not limit them.
    package var limit: Int?
    /// In this run so far.
    package var spent = 0
    /// What the registry last said that it still allows; `nil`: it says nothing.
    package var remaining: Int?

    package init(limit: Int?, spent: Int = 0, remaining: Int? = nil) {
        self.limit = limit
        self.spent = spent
        self.remaining = remaining
    }

    /// What the spec leaves for the rest of this run.
    package var left: Int? { limit.map { max(0, $0 - spent) } }
}
