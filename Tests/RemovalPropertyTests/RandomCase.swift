import FoundationEssentials
import OCI
import RegistryTestSupport

/// Repositories and a spec, made from a seed alone. It knows its contents without asking any registry.
struct RandomCase {
    /// A manifest of the case, with its links as they were made.
    struct Image {
        var sample: Sample
        var children: [Digest] = []
        var subject: Digest?
        var age = Age.unknown
    }

    enum Age {
        case days(Int)
        /// Without a date that counts.
        case none
        /// Of an index or artifact, which the test does not know.
        case unknown
    }

    struct Repository {
        /// In the order in which they are put.
        var images: [Image] = []
        var tags: [TagName: Digest] = [:]
        /// Children that somebody removed although an index names them.
        var missing: [Digest] = []
    }

    static let names = ["app/r0", "app/r1", "other/r2"]
    /// Where `moved` leads, and what else a test has to look at.
    static let allNames = names + ["app/moved"]
    static let today: Int64 = 20_000

    private(set) var repositories: [String: Repository] = [:]
    private(set) var entries = Entries()
    /// Every manifest of every repository.
    private(set) var images: [Digest: Image] = [:]
    private var generator: SeededGenerator

    /// `listsDigests`: the registry shows what no tag leads to. `copies`: the spec may also put, copy and move. `losesChildren`: the registry
    /// lets somebody delete what an index needs.
    init(seed: UInt64, listsDigests: Bool, copies: Bool = true, losesChildren: Bool = true) throws {
        generator = SeededGenerator(seed: seed)
        for (place, name) in Self.names.enumerated() {
            var repository = try makeRepository(place, listsDigests)
            if !losesChildren { repository.missing = [] }
            repositories[name] = repository
            for image in repository.images { images[image.sample.digest] = image }
        }
        makeEntries(listsDigests, copies)
    }

    /// What a test has to look for: the rest is never put there.
    func images(thatMayBeIn name: String) -> [Digest: Image] {
        var found: [Digest: Image] = [:]
        for source in entries.sources(of: name).union([name]) {
            for image in repositories[source]?.images ?? [] { found[image.sample.digest] = image }
        }
        return found
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    private mutating func pick<Element>(_ elements: [Element]) -> Element? { elements.randomElement(using: &generator) }
    private mutating func prefix() -> String { chance(60) ? "pr" : "v" }

    // MARK: Contents

    private mutating func makeRepository(_ place: Int, _ listsDigests: Bool) throws -> Repository {
        var made = Repository()
        for number in 0..<number(2...5) {
            let (age, created) = makeDate()
            // Some content is in several repositories.
            let seed = chance(20) ? UInt64(500 + number) : UInt64(place * 100 + number)
            let sample = try Samples.image(seed: seed, created: created, layerSize: 20)
            made.images.append(Image(sample: sample, age: age))
            if chance(60) { made.tags[try TagName("\(prefix())-\(number)")] = sample.digest }
            if chance(15) { made.tags[try TagName("\(prefix())-again\(number)")] = sample.digest }
        }
        let plain = made.images
        var indexes: [Image] = []
        for number in 0..<number(0...3) {
            var parts = plain.filter { _ in chance(50) }
            if let inner = indexes.last, chance(40) { parts.append(inner) }
            guard !parts.isEmpty else { continue }
            let sample = try Samples.index(of: parts.map(\.sample), annotations: ["number": "\(place)-\(number)"])
            indexes.append(Image(sample: sample, children: parts.map(\.sample.digest)))
            // Of an untagged index only a registry that lists its images can tell.
            if !listsDigests || chance(75) { made.tags[try TagName("\(prefix())-index\(number)")] = sample.digest }
        }
        made.images += indexes
        for (number, subject) in (plain + indexes).enumerated() where chance(30) {
            let signature = try signature(of: subject, seed: 1000 + number)
            made.images.append(signature)
            if chance(40) { made.images.append(try self.signature(of: signature, seed: 2000 + number)) }
        }
        if let signed = pick(plain), chance(25) {
            let (tag, sample) = try Samples.cosignSignature(of: signed.sample.digest)
            made.images.append(Image(sample: sample))
            made.tags[tag] = sample.digest
        }
        // Somebody has removed a child of an index.
        let tagged = Set(made.tags.values)
        let lost = indexes.flatMap(\.children).filter { !tagged.contains($0) && chance(15) }
        made.missing = Set(lost).subtracting(indexes.map(\.sample.digest)).sorted()
        return made
    }

    private func signature(of subject: Image, seed: Int) throws -> Image {
        let sample = try Samples.referrer(to: subject.sample.root.descriptor, seed: UInt64(seed))
        return Image(sample: sample, subject: subject.sample.digest)
    }

    private mutating func makeDate() -> (age: Age, created: String?) {
        switch number(0...9) {
        case 0: return (.none, nil)
        // Reproducible builds say so, and mean no date.
        case 1: return (.none, "1980-01-01T00:00:00Z")
        default:
            let age = number(0...60)
            let date = Date(timeIntervalSince1970: Double((Self.today - Int64(age)) * 86_400))
            return (.days(age), date.formatted(.iso8601))
        }
    }

    // MARK: Entries

    private mutating func makeEntries(_ listsDigests: Bool, _ copies: Bool) {
        var new: [Entries.Entry] = []
        let tags = repositories.mapValues { $0.tags.keys.filter { !$0.description.hasPrefix("sha256-") }.sorted() }
        if chance(40), let tag = pick(tags["app/r0"] ?? []) { new.append(.absentTag("app/r0", tag)) }
        if chance(25) { new.append(.absentGlob("app/r1", "pr-*")) }
        if chance(20), let image = pick(repositories["app/r0"]?.images ?? []) { new.append(.absentDigest("app/r0", image.sample.digest)) }
        if chance(60) { new.append(.prune(makePrune(listsDigests))) }
        if chance(10) { new.append(.absentRepository("app/r0")) }
        if chance(15) { new.append(.protect("app/r0", chance(50) ? "v-*" : "pr-0")) }
        if chance(40) { new.append(.backup) }
        if chance(20), let tag = pick(tags["app/r0"] ?? []) {
            new.append(.forgotten("app/r0", tag))
            entries.forgottenAreDeleted = chance(50)
        }
        if copies {
            if chance(25) {
                // Removing from what is moved is an error.
                new.removeAll { if case .absentGlob("app/r1", _) = $0 { true } else { false } }
                new.append(.move(from: "app/r1", to: "app/moved"))
            } else if chance(30) {
                new.append(
                    .copy(from: "other/r2", to: "app/r1", match: chance(50) ? "v-*" : "pr-*", prune: chance(50) ? "untag" : "delete")
                )
            }
            if chance(25), let source = pick(tags["other/r2"] ?? []), let target = pick(tags["app/r0"] ?? []) {
                new.append(.image(from: "other/r2", source, to: "app/r0", tag: target))
            }
        }
        entries.list = new
    }

    private mutating func makePrune(_ listsDigests: Bool) -> Entries.Prune {
        Entries.Prune(
            undeclared: chance(50) ? "delete" : "untag",
            match: chance(60) ? "pr-*" : "*",
            keepNewest: chance(30) ? number(1...2) : nil,
            olderThan: chance(40) ? 10 : nil,
            deletesUntagged: listsDigests && chance(40)
        )
    }
}
