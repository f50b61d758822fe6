internal import Diagnostics
internal import OCI

/// Holds what a plan would store and pull against the quotas of the accounts (reference of ICR, section E.4). Both are upper bounds: layers
/// that an account has elsewhere cost nothing.
extension PlanningRun {
    private enum Use: Hashable {
        case storage, traffic
    }

    mutating func checkQuotas() {
        var bytes: [RegistryID: [Use: Int64]] = [:]
        var origins: [RegistryID: Origin] = [:]
        var pulled: [PlannedContent.ID: (bytes: Int64, registry: RegistryID, origin: Origin)] = [:]
        func add(_ amount: Int64, _ use: Use, _ registry: RegistryID, _ origin: Origin) {
            let sum = bytes[registry, default: [:]][use, default: 0].addingReportingOverflow(amount)
            bytes[registry, default: [:]][use] = sum.overflow ? .max : sum.partialValue
            origins[registry] = min(origins[registry] ?? origin, origin)
        }
        for change in sortedChanges(where: { $0.kind == .put && $0.method != .tag }) {
            guard let estimate = estimates[change.id], estimate.bytesToSend > 0, let id = change.content else { continue }
            let target = change.target.registry
            if kind(of: target) == .icr { add(estimate.bytesToSend, .storage, target, change.origin) }
            // A source is read once for all its targets. One that no spec declares is nobody's account here.
            guard case .registry(let source)? = contents[id]?.origin, kind(of: source.registry) == .icr,
                let declaration = desired.registries[source.registry], declaration.alias != nil, !declaration.isPrivate
            else { continue }
            pulled[id] = (max(pulled[id]?.bytes ?? 0, estimate.bytesToSend), source.registry, pulled[id]?.origin ?? change.origin)
        }
        for pull in pulled.values { add(pull.bytes, .traffic, pull.registry, pull.origin) }
        for (registry, uses) in bytes.sorted(by: { $0.key < $1.key }) {
            guard let origin = origins[registry] else { continue }
            switch ask(.administration(registry, .quota)) {
            case .found(.administration(.quota(let quota)))?:
                check(uses[.storage], quota.storage, "store", "storage", registry, origin)
                check(uses[.traffic], quota.traffic, "pull", "pull traffic", registry, origin)
            case .absent? where policy.limits.refusesOverQuota, .unreadable?:
                note("quota-unknown", "this login may not read the quota of \(registry), so it was not held against it", at: origin)
            case nil, .absent?, .found?: continue
            }
        }
    }

    private mutating func check(
        _ bytes: Int64?,
        _ amount: Quota.Amount,
        _ verb: String,
        _ what: String,
        _ registry: RegistryID,
        _ origin: Origin
    ) {
        guard let bytes, let limit = amount.limit, let left = amount.left, bytes > left else { return }
        let message =
            "the plan may \(verb) \(bytes) bytes at \(registry), and its \(what) quota has \(left) left "
            + "(\(amount.usage) of \(limit) are used)"
        let help = "delete what is not needed, or raise the quota ('ibmcloud cr quota-set')"
        if policy.limits.refusesOverQuota {
            refusals.append(Refusal(code: "quota", message: message, subjects: [registry.description], origin: origin, help: help))
        } else {
            diagnostics.insert(.warning("quota", message, at: origin.range, help: help))
        }
    }
}
