internal import Registry
internal import Synchronization

/// Lets one request at a time try a login that was not let through yet. Side by side, a wrong password would be refused as often as requests are
/// under way, and registries lock accounts for that.
final class LoginTrials: Sendable {
    /// Held while the login is being tried; giving it up, or dropping it, wakes whoever waits.
    final class Trial: Sendable {
        private let trials: LoginTrials
        private let login: Credential.Kind
        private let hasEnded = Mutex(false)

        fileprivate init(_ trials: LoginTrials, _ login: Credential.Kind) {
            self.trials = trials
            self.login = login
        }

        func end() {
            let isFirst = hasEnded.withLock { ended in
                defer { ended = true }
                return !ended
            }
            if isFirst { trials.end(login) }
        }

        deinit { end() }
    }

    /// By login that is being tried: who waits for the end of it.
    private let waiting = Mutex<[Credential.Kind: [CheckedContinuation<Void, Never>]]>([:])

    /// Nil: another request was trying it, and has ended; what is known of the login may have changed.
    func begin(_ login: Credential.Kind) async -> Trial? {
        let isFree = waiting.withLock { waiting in
            guard waiting[login] == nil else { return false }
            waiting[login] = []
            return true
        }
        if isFree { return Trial(self, login) }
        await withCheckedContinuation { continuation in
            let isOver = waiting.withLock { waiting in
                waiting[login]?.append(continuation)
                return waiting[login] == nil
            }
            if isOver { continuation.resume() }
        }
        return nil
    }

    private func end(_ login: Credential.Kind) {
        for continuation in waiting.withLock({ $0.removeValue(forKey: login) ?? [] }) { continuation.resume() }
    }
}
