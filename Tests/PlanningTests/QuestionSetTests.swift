import OCI
import Planning
import RegistryTestSupport
import Testing

/// `QuestionSet` against a plain set: the same questions go in and out of both.
@Suite struct QuestionSetTests {
    @Test(arguments: UInt64(1)...8)
    func `it holds what a plain set holds`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let registry = try RegistryID(host: "a.example")
        let addresses = try (0..<3).map { RepositoryAddress(registry, try RepositoryName("app\($0)")) }
        let tags = try (0..<6).map { try TagName("v\($0)") }
        let digest = try Samples.image().digest
        let all = addresses.flatMap { address in
            tags.map { Question.head(address, .tag($0)) } + [.head(address, .digest(digest)), .tags(address), .referrers(address, digest)]
        }
        var (set, plain) = (QuestionSet(), Set<Question>())
        for _ in 0..<300 {
            guard let question = all.randomElement(using: &generator) else { continue }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0..<4: #expect(set.insert(question) == plain.insert(question).inserted)
            case 4..<6: #expect(set.remove(question) == (plain.remove(question) != nil))
            case 6:
                let more = all.filter { _ in Int.random(in: 0..<8, using: &generator) == 0 }
                set.formUnion(QuestionSet(more))
                plain.formUnion(more)
            default:
                guard let address = addresses.randomElement(using: &generator) else { continue }
                let more = Set(tags.filter { _ in Bool.random(using: &generator) })
                set.insert(more, in: address)
                plain.formUnion(more.map { .head(address, .tag($0)) })
            }
            #expect(set.count == plain.count && set.isEmpty == plain.isEmpty)
            #expect(Set(set) == plain && set == QuestionSet(plain))
            #expect(all.allSatisfy { set.contains($0) == plain.contains($0) })
            #expect(set.tags.values.allSatisfy { !$0.isEmpty })
        }
    }

    @Test func `what is answered is not asked again`() throws {
        let address = RepositoryAddress(try RegistryID(host: "a.example"), try RepositoryName("app"))
        let (one, two) = (Question.head(address, .tag(try TagName("v1"))), Question.head(address, .tag(try TagName("v2"))))
        let facts = Facts([one: .absent, .tags(address): .absent])
        #expect(facts.unanswered([one, two, .tags(address), .digests(address)]) == [two, .digests(address)])
    }
}
