import OCI
import Synchronization
import Testing

@testable import Execution

@Suite struct GateTests {
    @Test(arguments: [1, 3]) func `no more than the limit are in at a time, and all get in`(limit: Int) async {
        let gate = Gate<String>(limit: limit)
        let inside = Mutex((now: 0, most: 0, total: 0))
        _ = await concurrently(Array(0..<50), limit: 50) { _ in
            try? await gate.holding("key") { () async throws(RegistryError) in
                inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.total + 1) }
                for _ in 0..<5 { await Task.yield() }
                inside.withLock { $0.now -= 1 }
            }
        }
        #expect(inside.withLock { $0.total } == 50)
        #expect(inside.withLock { $0.most } <= limit)
        #expect(gate.tryEnter("key"))
    }

    @Test func `keys do not hold up each other`() {
        let gate = Gate<String>(limit: 1)
        #expect(gate.tryEnter("a"))
        #expect(!gate.tryEnter("a"))
        #expect(gate.tryEnter("b"))
        gate.leave("a")
        #expect(gate.tryEnter("a"))
    }

    @Test func `who is cancelled while it waits is not in`() async {
        let gate = Gate<String>(limit: 1)
        #expect(gate.tryEnter("key"))
        let result = await withTaskGroup(of: RegistryError.Code?.self) { group in
            group.addTask {
                do throws(RegistryError) {
                    try await gate.enter("key")
                    return nil
                } catch {
                    return error.code
                }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(result == .cancelled)
        gate.leave("key")
        #expect(gate.tryEnter("key"))
    }
}
