internal import OCI
internal import Registry
internal import Synchronization

/// Drives a `BlobFanOut`: reads the blob from its source, and hands its pieces to the registries. It is hashed once for all of them.
final class BlobGroup: Sendable {
    /// Blobs up to this size do not count against the limit of transfers.
    static let smallSize: Int64 = 1 << 20
    /// Blobs up to this size are kept until every registry has come to them: those may be busy with large ones.
    private static let keptSize: Int64 = 64 << 10
    /// How long a registry may hold up the others.
    static let patience = Duration.seconds(1)

    let descriptor: Descriptor
    /// Where it is read.
    let place: String
    private let source: BlobBody
    private let fan: Watched<BlobFanOut<BlobBody.Piece>>
    typealias Claim = BlobFanOut<BlobBody.Piece>.Claim
    typealias LaggardHandler = @Sendable (Set<RegistryID>) -> Void

    private let laggardHandlers = Mutex<[Claim: LaggardHandler]>([:])

    /// For nobody yet.
    init(_ source: BlobBody, at place: String) {
        descriptor = source.descriptor
        self.place = place
        self.source = source
        fan = Watched(BlobFanOut(capacity: descriptor.size <= Self.keptSize ? nil : 2))
    }

    /// As `BlobFanOut.join`. `onLaggards` is told of registries that stopped taking pieces, and have left for it, while the claim lasts.
    func join(_ members: Set<RegistryID>, onLaggards: @escaping LaggardHandler = { _ in }) -> Claim? {
        guard let claim = fan.update({ $0.join(members) }) else { return nil }
        laggardHandlers.withLock { $0[claim] = onLaggards }
        return claim
    }

    /// As `BlobFanOut.release`.
    func release(_ claim: Claim, at member: RegistryID) {
        fan.update { $0.release(claim, at: member) }
    }

    /// As `BlobFanOut.withdraw`.
    func withdraw(_ claim: Claim, at member: RegistryID) {
        fan.update { $0.withdraw(claim, at: member) }
    }

    /// As `BlobFanOut.close`.
    func close() {
        fan.update { $0.close() }
    }

    /// As `BlobFanOut.failure`.
    var failure: RegistryError? { fan.read { $0.failure } }

    /// As `BlobFanOut.isAbandoned`.
    var isAbandoned: Bool { fan.read { $0.isAbandoned } }

    /// Whether the source's failure reached the member's upload.
    func hasFailed(_ member: RegistryID) -> Bool { fan.read { $0.failed.contains(member) } }

    /// As `BlobFanOut.dismiss`.
    func dismiss(_ member: RegistryID) {
        fan.update { $0.dismiss(member) }
    }

    /// Whether the group reads for this member.
    func isShared(with member: RegistryID) -> Bool { fan.read { $0.has(member) } }

    /// The blob for an upload. The first reading shares the group's read until it is let go of; a later one, and the rest of one that lagged
    /// behind, is a read of `own`.
    func body(for member: RegistryID, own: BlobBody, onBytes: @escaping @Sendable (Int) async -> Void) -> BlobBody {
        BlobBody(descriptor) { [self] (prefix) throws(RegistryError) in
            let reading = fan.update { $0.begin(member, at: prefix.count) }
            let membership = reading.map { Membership(of: member, in: self, reading: $0) }
            if membership == nil { dismiss(member) }
            return PieceStream {
                var taken = prefix
                var rest: PieceStream<BlobBody.Piece>.AsyncIterator?
                return { () async throws(RegistryError) in
                    if rest == nil {
                        switch try await membership?.take() ?? .left {
                        case .piece(let piece):
                            taken = piece.prefix
                            await onBytes(piece.bytes.count)
                            return piece
                        case .end: return nil
                        case .failed(let error): throw error
                        case .left: rest = try await own.open(after: taken).makeAsyncIterator()
                        }
                    }
                    let piece = try await rest?.next()
                    if let piece { await onBytes(piece.bytes.count) }
                    return piece
                }
            }
        }
    }

    /// A member's reading. Whoever lets go of it before the end, as an upload does that broke and waits, holds up nobody.
    private final class Membership: Sendable {
        private let member: RegistryID
        private let group: BlobGroup
        private let reading: Int

        init(of member: RegistryID, in group: BlobGroup, reading: Int) {
            self.member = member
            self.group = group
            self.reading = reading
        }

        deinit {
            group.fan.update { [member, reading] in $0.end(reading, of: member) }
        }

        func take() async throws(RegistryError) -> BlobFanOut<BlobBody.Piece>.Answer {
            let answer = await group.fan.wait { [member, reading] in $0.take(member, reading) }
            guard let answer else { throw .cancelledRun }
            return answer
        }
    }

    /// Reads as long as somebody wants it. Small blobs aside, a place in `transfers` is held meanwhile.
    func pump(transfers: Gate<Bool>, clock: any Clock<Duration>) async {
        // Whether anybody reads by it.
        guard await fan.wait({ $0.proceed() }) == .read else { return end(.cancelledRun) }
        do throws(RegistryError) {
            if descriptor.size > Self.smallSize {
                try await transfers.holding(true) { () async throws(RegistryError) in try await readAll(clock) }
            } else {
                try await readAll(clock)
            }
        } catch {
            end(error)
        }
    }

    private func end(_ error: RegistryError?) {
        fan.update { $0.finish(error) }
    }

    private func readAll(_ clock: any Clock<Duration>) async throws(RegistryError) {
        // All may have left while it waited for a place.
        guard await waitForRoom(clock) else { return end(.cancelledRun) }
        var pieces = try await source.open().makeAsyncIterator()
        while await waitForRoom(clock) {
            guard let piece = try await pieces.next() else {
                end(nil)
                _ = await waitForRoom(clock)
                return
            }
            fan.update { $0.supply(piece) }
        }
        end(.cancelledRun)
    }

    /// False: nobody is left, or the task is cancelled.
    private func waitForRoom(_ clock: any Clock<Duration>) async -> Bool {
        while let demand = await fan.wait({ $0.proceed() }) {
            switch demand {
            case .read: return true
            case .over: return false
            case .blocked: await endBlockade(clock)
            }
        }
        return false
    }

    /// Returns when the slowest have moved on, or have left since they did not for a second.
    private func endBlockade(_ clock: any Clock<Duration>) async {
        let laggards = fan.read { $0.laggards }
        let haveMoved = await withTaskGroup(of: Bool.self) { group in
            group.addTask { [fan] in await fan.wait { $0.hasMoved(laggards) ? true : nil } ?? false }
            group.addTask {
                try? await clock.sleep(for: Self.patience)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        guard !haveMoved, !Task.isCancelled else { return }
        let expelled = fan.update { $0.expel(laggards) }
        for (claim, handler) in laggardHandlers.withLock({ $0 }) {
            let laggards = expelled.filter { $0.value.contains(claim) }
            if !laggards.isEmpty { handler(Set(laggards.keys)) }
        }
    }
}
