internal import OCI
internal import Registry

/// Drives a `BlobFanOut`: reads the blob from its source, verifies it, and hands its pieces to the targets.
final class BlobGroup: Sendable {
    /// Blobs up to this size do not count against the limit of transfers.
    static let smallSize: Int64 = 1 << 20
    /// How long a target may hold up the others.
    static let patience = Duration.seconds(1)

    let descriptor: Descriptor
    private let source: any ContentReader
    /// Where it is read, for messages.
    private let place: String
    private let fan: Watched<BlobFanOut>
    /// Told of targets that stopped taking pieces, and have left for it.
    private let onLaggards: @Sendable (Set<RepositoryAddress>) -> Void

    init(
        _ descriptor: Descriptor,
        from source: any ContentReader,
        at place: String,
        members: Set<RepositoryAddress>,
        onLaggards: @escaping @Sendable (Set<RepositoryAddress>) -> Void = { _ in }
    ) {
        self.descriptor = descriptor
        self.source = source
        self.place = place
        self.onLaggards = onLaggards
        fan = Watched(BlobFanOut(members))
    }

    func leave(_ member: RepositoryAddress) {
        fan.update { $0.leave(member) }
    }

    /// The member leaves if it has taken nothing yet.
    func leaveUntouched(_ member: RepositoryAddress) {
        fan.update { $0.leaveUntouched(member) }
    }

    /// Whether the group reads for this member.
    func isShared(with member: RepositoryAddress) -> Bool { fan.read { $0.has(member) } }

    /// The blob for an upload. The first reading shares the group's read until it is let go of; a later one, and the rest of one that lagged
    /// behind, is a read of its own.
    func body(for member: RepositoryAddress, onBytes: @escaping @Sendable (Int) async -> Void) -> BlobBody {
        BlobBody { [self] offset async throws(RegistryError) -> BlobStream in
            let reading = fan.update { $0.begin(member, at: offset) }
            let membership = reading.map { Membership(of: member, in: self, reading: $0) }
            if membership == nil { leave(member) }
            return BlobStream {
                var taken = offset
                var own: BlobStream.AsyncIterator?
                return { () async throws(RegistryError) -> [UInt8]? in
                    if own == nil {
                        switch try await membership?.take() ?? .left {
                        case .piece(let piece):
                            taken += Int64(piece.count)
                            await onBytes(piece.count)
                            return piece
                        case .end: return nil
                        case .failed(let error): throw error
                        case .left: own = try await self.source.blob(self.descriptor, from: taken).makeAsyncIterator()
                        }
                    }
                    let piece = try await own?.next()
                    if let piece { await onBytes(piece.count) }
                    return piece
                }
            }
        }
    }

    /// A member's reading. Whoever lets go of it before the end, as an upload does that broke and waits, holds up nobody.
    private final class Membership: Sendable {
        private let member: RepositoryAddress
        private let group: BlobGroup
        private let reading: Int

        init(of member: RepositoryAddress, in group: BlobGroup, reading: Int) {
            self.member = member
            self.group = group
            self.reading = reading
        }

        deinit {
            group.fan.update { [member, reading] in $0.end(reading, of: member) }
        }

        func take() async throws(RegistryError) -> BlobFanOut.Answer {
            let answer = await group.fan.wait { [member, reading] in $0.take(member, reading) }
            guard let answer else { throw .cancelledRun }
            return answer
        }
    }

    /// Reads as long as somebody wants it. Small blobs aside, a place in `transfers` is held meanwhile.
    func pump(transfers: Gate<Bool>, clock: any Clock<Duration>) async {
        guard await fan.wait({ $0.demand }) == .read else { return end(.cancelledRun) }
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
        var pieces = try await source.blob(descriptor, from: 0).makeAsyncIterator()
        var hasher = Digest.ContentHasher(descriptor.digest.algorithm)
        var count: Int64 = 0
        // The last piece is handed on once all are known to be right, so that the blame falls on the source and not on a target's upload.
        var last: [UInt8]?
        while await waitForRoom(clock) {
            guard let piece = try await pieces.next() else {
                try check(count, hasher.finalize())
                if let last { fan.update { $0.supply(last) } }
                end(nil)
                _ = await waitForRoom(clock)
                return
            }
            count += Int64(piece.count)
            guard count <= descriptor.size else {
                throw corrupt("its manifest says it has \(descriptor.size) bytes, and the source has more")
            }
            hasher.update(piece)
            if let last { fan.update { $0.supply(last) } }
            last = piece
        }
        end(.cancelledRun)
    }

    /// False: nobody is left, or the task is cancelled.
    private func waitForRoom(_ clock: any Clock<Duration>) async -> Bool {
        while let demand = await fan.wait({ $0.demand }) {
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
        onLaggards(fan.update { $0.expel(laggards) })
    }

    private func check(_ count: Int64, _ digest: Digest) throws(RegistryError) {
        guard count == descriptor.size else {
            throw corrupt("its manifest says it has \(descriptor.size) bytes, and the source has \(count)")
        }
        guard digest == descriptor.digest else { throw corrupt("the source has other bytes, with the digest \(digest) instead") }
    }

    private func corrupt(_ reason: String) -> RegistryError {
        RegistryError(.corrupt, action: "read the blob", object: "\(place)@\(descriptor.digest)", reason: reason)
    }
}
