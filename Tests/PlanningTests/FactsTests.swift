import OCI
import RegistryTestSupport
import Testing

@testable import Planning

/// What is kept small comes back whole.
@Suite struct FactsTests {
    private static let digests = [Digest.sha256(of: [1]), Digest.of([1], with: .sha512)]

    private static let answers: [Answer] =
        [.absent, .unreadable(RegistryError(.unavailable, action: "read", object: "x", reason: "y")), .found(.tags([]))]
        + digests.flatMap { digest in
            [MediaType.ociManifest, MediaType.dockerManifestList, "application/vnd.example", ""].flatMap { type in
                [0, 1234, Int64(UInt32.max), Int64(UInt32.max) + 1, -1].map { size in
                    .found(.head(ManifestHead(digest: digest, mediaType: type, size: size)))
                }
            }
        }

    @Test(arguments: answers) func `an answer comes back as it was`(_ answer: Answer) throws {
        let (address, other) = (try Names.repository("us/app/api"), try Names.repository("de/app/api"))
        let tag = try TagName("1")
        let questions: [Question] = [.head(address, .tag(tag)), .head(address, .digest(Self.digests[0])), .tags(address)]
        for question in questions {
            var facts = Facts()
            facts.record(answer, to: question)
            #expect(facts[question] == answer && facts.count == 1)
            #expect(facts[.head(other, .tag(tag))] == nil && facts[.digests(address)] == nil)
            facts.record(.absent, to: question)
            #expect(facts[question] == .absent && facts.count == 1)
            #expect(Facts([question: answer])[question] == answer)
        }
    }

    @Test func `a tag takes 56 bytes`() {
        #expect(MemoryLayout<TagName>.stride + MemoryLayout<TagHead>.stride == 56)
    }
}
