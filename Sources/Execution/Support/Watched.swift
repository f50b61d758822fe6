internal import Synchronization

/// A value under a lock that tasks can wait on.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var version = 0
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        /// Waiters whose task was cancelled before they could be listed.
        var cancelled: Set<Int> = []

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            version += 1
            defer { waiters = [:] }
            return Array(waiters.values)
        }
    }

    private let state: Mutex<State>

    init(_ value: Value) {
        state = Mutex(State(value: value))
    }

    func read<Result: Sendable>(_ body: (Value) -> Result) -> Result {
        state.withLock { body($0.value) }
    }

    /// Changes the value and lets every waiting task look again.
    @discardableResult
    func update<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, waiters) = state.withLock { state in
            let result = body(&state.value)
            return (result, state.takeWaiters())
        }
        for waiter in waiters { waiter.resume() }
        return result
    }

    /// Waits until `attempt` gives a result; nil when the task is cancelled first. An attempt that gives nil must not change the value.
    func wait<Result: Sendable>(_ attempt: (inout Value) -> Result?) async -> Result? {
        while !Task.isCancelled {
            let (result, version, waiters) = state.withLock { state -> (Result?, Int, [CheckedContinuation<Void, Never>]) in
                guard let result = attempt(&state.value) else { return (nil, state.version, []) }
                return (result, state.version, state.takeWaiters())
            }
            for waiter in waiters { waiter.resume() }
            if let result { return result }
            await change(after: version)
        }
        return nil
    }

    /// Returns once the value has changed, or the task is cancelled.
    private func change(after version: Int) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.cancelled.remove(waiter) != nil || state.version != version { return true }
                    state.waiters[waiter] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
            state.withLock { _ = $0.cancelled.remove(waiter) }
        } onCancel: {
            let continuation = state.withLock { state in
                let continuation = state.waiters.removeValue(forKey: waiter)
                if continuation == nil { state.cancelled.insert(waiter) }
                return continuation
            }
            continuation?.resume()
        }
    }
}
