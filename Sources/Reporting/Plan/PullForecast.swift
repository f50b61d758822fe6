internal import OCI
package import Planning

/// What a plan's sources let be read, beside the plan: it changes from run to run, so the plan file does not have it.
package struct PullForecast: Hashable, Sendable {
    package var estimate: PullEstimate
    /// How many the spec allows in the apply.
    package var allowed: Int?
    /// What the registry says is left.
    package var remaining: Int?
    /// What this planning read there.
    package var spent: Int

    package init(_ estimate: PullEstimate, allowed: Int? = nil, remaining: Int? = nil, spent: Int = 0) {
        self.estimate = estimate
        self.allowed = allowed
        self.remaining = remaining
        self.spent = spent
    }

    /// `docker.io: about 9,600 pulls, 150 in this apply, 187 left`; `nil` where nothing limits them.
    var line: String? {
        guard allowed != nil || remaining != nil, estimate.count > 0 else { return nil }
        let measure = estimate.isLeast ? "at least" : "about"
        var text = "\(estimate.registry): \(measure) \(Amounts.count(estimate.count, "pull"))"
        if let allowed { text += ", \(Amounts.count(allowed)) in this apply" }
        if let remaining { text += ", \(Amounts.count(remaining)) left" }
        if spent > 0 { text += "; planning took \(Amounts.count(spent))" }
        return text
    }
}
