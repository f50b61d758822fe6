internal import NIOCore
internal import NIOPosix

/// The event loops of all connections. What becomes of the answers has the other half of the processors; and a loop that finds more to do at
/// a time is woken less often.
enum EventLoops {
    static let shared = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))
}

/// Runs tasks on an event loop. What such a task sends, and the answer, changes threads less often: on a busy machine that is a good part of
/// what a small request costs.
final class EventLoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    private init(_ loop: any EventLoop) {
        self.loop = loop
    }

    private static let all = EventLoops.shared.makeIterator().map { EventLoopExecutor($0) }

    /// The one that the caller runs on; for others, each in turn.
    static var any: EventLoopExecutor? {
        let loop = EventLoops.shared.any()
        return all.first { $0.loop === loop }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
