internal import OCI

/// One read of a blob that feeds several registries, at the pace of the slowest unless all of it is kept. Pure: pieces come in, members ask
/// for their next one.
struct BlobFanOut<Piece: Sendable>: Sendable {
    /// Within a registry one repository gets it, and the others from there.
    typealias Member = RegistryID
    /// The number of a `join`.
    typealias Claim = Int

    enum Answer: Sendable {
        case piece(Piece)
        case end
        case failed(RegistryError)
        /// The member is no longer in the group; it reads for itself.
        case left
    }

    /// What the reader does next.
    enum Demand: Hashable, Sendable {
        case read
        /// Some wait for pieces, and others have not taken theirs, so that there is no room for another.
        case blocked
        /// No member is left, or nothing is read any more and no room is taken.
        case over
    }

    /// How far a member has come.
    struct Standing: Hashable, Sendable {
        /// In pieces.
        var taken: Int
        var hasBegun: Bool
    }

    private enum Ending: Hashable, Sendable {
        case complete
        case failed(RegistryError)
        /// For want of members.
        case abandoned
    }

    /// How many pieces are kept at most; nil: all that somebody still needs, so that nobody is waited for.
    private let capacity: Int?
    /// How many pieces each member has taken.
    private var positions: [Member: Int] = [:]
    /// Who may still need the blob at each member.
    private var claims: [Member: Set<Claim>] = [:]
    private var lastClaim = 0
    /// Members that have left. They have the blob, or read for themselves.
    private var gone: Set<Member> = []
    /// The number of each member's reading; none: 0.
    private(set) var readings: [Member: Int] = [:]
    private var lastReading = 0
    private var begun: Set<Member> = []
    /// Members whose reading ended with the source's failure.
    private(set) var failed: Set<Member> = []
    private(set) var pieces: [Piece] = []
    /// The position of the first piece that is kept.
    private var base = 0
    private var ending: Ending?

    init(capacity: Int? = 2) {
        self.capacity = capacity
    }

    func has(_ member: Member) -> Bool { positions[member] != nil }

    /// One more who may need the blob at these members. Nil: it is too late, since not all pieces are there any more, or nothing is read any
    /// more.
    mutating func join(_ members: Set<Member>) -> Claim? {
        guard ending == nil, base == 0 else { return nil }
        lastClaim += 1
        for member in members where !gone.contains(member) {
            positions[member, default: 0] += 0
            claims[member, default: []].insert(lastClaim)
        }
        return lastClaim
    }

    /// Whoever made the claim does not need the blob at this member. Without other claims the member is out, unless it is reading; it may
    /// still be joined for, since it does not have the blob by that.
    mutating func release(_ claim: Claim, at member: Member) {
        guard drop(claim, at: member), readings[member] == nil else { return }
        claims[member] = nil
        positions[member] = nil
        trim()
    }

    /// Whoever made the claim does not count on this member any more. Without other claims it leaves, if it has taken nothing yet.
    mutating func withdraw(_ claim: Claim, at member: Member) {
        if drop(claim, at: member), positions[member] == 0 { leave(member) }
    }

    /// Whether that was the last claim.
    private mutating func drop(_ claim: Claim, at member: Member) -> Bool {
        claims[member]?.remove(claim) != nil && claims[member]?.isEmpty == true
    }

    /// Whoever has it read is done. Where nobody reads by it, nobody will, since that might take long; what was read is still given away.
    mutating func close() {
        guard ending == nil, !begun.contains(where: { positions[$0] != nil }) else { return }
        for member in positions.keys { leave(member) }
        end(.abandoned)
    }

    /// A member begins to take pieces, by a reading with this number; what it read by before is over. Nil: it is not in the group, has taken
    /// some before, or does not begin at the start.
    mutating func begin(_ member: Member, at offset: Int64 = 0) -> Int? {
        readings[member] = nil
        guard positions[member] == 0, base == 0, offset == 0 else { return nil }
        lastReading += 1
        readings[member] = lastReading
        begun.insert(member)
        return lastReading
    }

    /// Why the source cannot be read; nil: not known to be so.
    var failure: RegistryError? {
        if case .failed(let error) = ending { error } else { nil }
    }

    /// Whether nothing was read to its end, for want of members.
    var isAbandoned: Bool { ending == .abandoned }

    /// The next piece of a member's reading; nil: it must wait.
    mutating func take(_ member: Member, _ reading: Int) -> Answer? {
        // The upload that it was for has ended, and another may be reading.
        guard readings[member, default: 0] == reading else { return .failed(.cancelledRun) }
        guard let position = positions[member] else { return .left }
        if position < base + pieces.count {
            let piece = pieces[position - base]
            positions[member] = position + 1
            trim()
            return .piece(piece)
        }
        switch ending {
        case nil: return nil
        case .complete: return .end
        case .abandoned: return .left
        case .failed(let error):
            failed.insert(member)
            return .failed(error)
        }
    }

    /// The member leaves, since nobody reads for it any more.
    mutating func dismiss(_ member: Member) {
        readings[member] = nil
        leave(member)
    }

    /// The member leaves, and reads the rest for itself.
    private mutating func leave(_ member: Member) {
        guard positions.removeValue(forKey: member) != nil else { return }
        claims[member] = nil
        gone.insert(member)
        trim()
    }

    /// The member leaves, since this reading of it is over. Nothing, if another one has begun.
    mutating func end(_ reading: Int, of member: Member) {
        guard readings[member] == reading else { return }
        readings[member] = nil
        leave(member)
    }

    mutating func supply(_ piece: Piece) { pieces.append(piece) }

    mutating func finish(_ error: RegistryError? = nil) { end(error.map { .failed($0) } ?? .complete) }

    private mutating func end(_ ending: Ending) {
        if self.ending == nil { self.ending = ending }
    }

    /// What the reader does next, as `demand`; once that is `over`, nobody joins any more.
    mutating func proceed() -> Demand? {
        if demand == .over { end(.abandoned) }
        return demand
    }

    /// Nil: the reader waits.
    var demand: Demand? {
        if positions.isEmpty { return .over }
        if let ending { return demand(after: ending) }
        guard !begun.isEmpty else { return nil }
        guard let capacity, pieces.count >= capacity else { return .read }
        // Where those who began have all gone, the others hold up whoever waits for a place to read.
        let isAlone = !begun.contains { positions[$0] != nil }
        return isAlone || positions.values.contains(base + pieces.count) ? .blocked : nil
    }

    /// The group lasts until its pieces are taken, since they take room meanwhile, unless that is little.
    private func demand(after ending: Ending) -> Demand? {
        guard ending == .complete, capacity != nil else { return .over }
        let behind = positions.filter { $0.value < base + pieces.count }.keys
        if behind.isEmpty { return .over }
        return behind.contains { begun.contains($0) } ? nil : .blocked
    }

    /// The members that hold up the others, and where they stand.
    var laggards: [Member: Standing] {
        var laggards: [Member: Standing] = [:]
        for (member, taken) in positions where taken == base { laggards[member] = standing(of: member) }
        return laggards
    }

    /// Those of `laggards` that have not moved leave the group. Gives those of them that had begun, and who may still need the blob there:
    /// the others may be late for good reason.
    @discardableResult
    mutating func expel(_ laggards: [Member: Standing]) -> [Member: Set<Claim>] {
        var expelled: [Member: Set<Claim>] = [:]
        for member in laggards.filter({ standing(of: $0.key) == $0.value }).keys {
            if begun.contains(member) { expelled[member] = claims[member] ?? [] }
            leave(member)
        }
        return expelled
    }

    /// Whether none of `laggards` holds up anybody any more.
    func hasMoved(_ laggards: [Member: Standing]) -> Bool {
        demand != .blocked || !laggards.contains { standing(of: $0.key) == $0.value }
    }

    private func standing(of member: Member) -> Standing? {
        positions[member].map { Standing(taken: $0, hasBegun: begun.contains(member)) }
    }

    private mutating func trim() {
        let slowest = positions.values.min() ?? base + pieces.count
        guard slowest > base else { return }
        pieces.removeFirst(slowest - base)
        base = slowest
    }
}

extension BlobFanOut.Answer: Equatable where Piece: Equatable {}
