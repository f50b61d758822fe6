import OCI
import Synchronization
import Testing

@testable import RegistryLayout

@Suite struct IndexWriterTests {
    /// Takes the first batch only when `expected` more edits wait, and fails it if asked to.
    private final class Recorder: Sendable {
        private let batches = Mutex<[Int]>([])
        private let writer = Mutex<IndexWriter?>(nil)
        private let expected: Int
        private let firstError: RegistryError?

        init(expecting expected: Int, firstError: RegistryError? = nil) {
            self.expected = expected
            self.firstError = firstError
        }

        var sizes: [Int] { batches.withLock { $0 } }

        func makeWriter() -> IndexWriter {
            let made = IndexWriter { (edits) throws(RegistryError) in try await self.write(edits) }
            writer.withLock { $0 = made }
            return made
        }

        private func write(_ edits: [LayoutIndex.Edit]) async throws(RegistryError) {
            let isFirst = batches.withLock { batches in
                batches.append(edits.count)
                return batches.count == 1
            }
            guard isFirst, let writer = writer.withLock({ $0 }) else { return }
            while await writer.waitingCount < expected { await Task.yield() }
            if let firstError { throw firstError }
        }
    }

    private func commitAll(_ count: Int, _ writer: IndexWriter) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                let tag = try TagName("t\(number)")
                group.addTask {
                    do throws(RegistryError) {
                        try await writer.commit(.untag(tag))
                        return 0
                    } catch { return 1 }
                }
            }
            return try await group.reduce(0, +)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `edits that come while one is written are written together`() async throws {
        let recorder = Recorder(expecting: 99)
        #expect(try await commitAll(100, recorder.makeWriter()) == 0)
        #expect(recorder.sizes == [1, 99])
    }

    @Test(.timeLimit(.minutes(5)), arguments: [RegistryError.Code.cancelled, .localFile])
    func `a write that fails or is cancelled takes only its own edits along`(code: RegistryError.Code) async throws {
        let error = RegistryError(code, action: "write", object: "index.json", reason: "of a test")
        let recorder = Recorder(expecting: 9, firstError: error)
        #expect(try await commitAll(10, recorder.makeWriter()) == 1)
        #expect(recorder.sizes == [1, 9])
    }
}
