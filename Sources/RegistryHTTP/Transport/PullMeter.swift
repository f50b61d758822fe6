internal import Registry
internal import Synchronization

/// Counts the manifests that are read from one registry, and says when no more may be.
final class PullMeter: Sendable {
    private let allowance: Mutex<PullAllowance>

    init(limit: Int?) {
        allowance = Mutex(PullAllowance(limit: limit))
    }

    var value: PullAllowance { allowance.withLock { $0 } }

    /// Counts one pull. `false`: the limit is reached, and it must not be sent.
    func take() -> Bool {
        allowance.withLock { allowance in
            if let limit = allowance.limit, allowance.spent >= limit { return false }
            allowance.spent += 1
            return true
        }
    }

    /// No manifest came, so no pull was spent.
    func giveBack() { allowance.withLock { $0.spent -= 1 } }

    /// Keeps what the registry says of its own limit.
    func learn(_ quota: RegistryQuota) {
        allowance.withLock { allowance in
            allowance.remaining = quota.remaining
        }
    }
}
