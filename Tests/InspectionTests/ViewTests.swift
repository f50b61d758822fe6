import Files
import Logging
import OCI
import Planning
import Registry
import RegistryLayout
import RegistryTestSupport
import Testing

@testable import Inspection

/// Questions of one repository that a view of it answers together.
@Suite struct ViewTests {
    private let scratch: TemporaryFolder
    private let layout: LayoutRegistry
    private let address: RepositoryAddress

    init() throws {
        scratch = try TemporaryFolder()
        layout = LayoutRegistry(id: try RegistryID(layout: "./mirror"), root: "\(scratch.path)/mirror")
        address = RepositoryAddress(layout.id, try RepositoryName("team/app"))
    }

    private func push(_ sample: Sample, _ tags: [TagName]) async throws {
        for (digest, bytes) in sample.blobs {
            let descriptor = Descriptor(mediaType: "", digest: digest, size: Int64(bytes.count))
            try await layout.putBlob(Sample.body(bytes, as: descriptor), into: address.repository)
        }
        for tag in tags { try await layout.putManifest(sample.root, at: .tag(tag), in: address.repository) }
        if tags.isEmpty { try await layout.putManifest(sample.root, at: .digest(sample.digest), in: address.repository) }
    }

    private func answers(to questions: [Question]) async throws -> [Question: Answer] {
        let inspector = Inspector(
            registries: InMemoryDirectory([layout]),
            contents: NoContents(),
            cache: nil,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let facts: Facts = try await inspector.answer { facts in
            let open = facts.unanswered(QuestionSet(questions))
            return open.isEmpty ? .result(facts) : .needs(open)
        }
        return Dictionary(uniqueKeysWithValues: questions.compactMap { question in facts[question].map { (question, $0) } })
    }

    @Test func `each question gets its own answer, whatever the others get`() async throws {
        let (good, bad) = (try Samples.image(seed: 1), try Samples.image(seed: 2))
        let tags = try (0..<40).map { try TagName("v\($0)") }
        let broken = try TagName("broken")
        let absent = try TagName("absent")
        try await push(good, tags)
        try await push(bad, [broken])
        let signature = try Samples.referrer(to: good.root.descriptor)
        try await push(signature, [])
        try #require(try Folder("\(layout.root)/team/app").remove("blobs/sha256/\(bad.digest.encoded)"))
        let heads = (tags + [broken, absent]).map { Question.head(address, .tag($0)) }
        let others: [Question] = [.manifest(address, good.digest), .head(address, .digest(signature.digest)), .tags(address)]
        let found = try await answers(to: heads + others)
        for tag in tags {
            guard case .found(.head(let head))? = found[.head(address, .tag(tag))] else {
                Issue.record("\(tag)")
                return
            }
            #expect(head.digest == good.digest)
        }
        guard case .unreadable(let error)? = found[.head(address, .tag(broken))] else {
            Issue.record("the broken tag")
            return
        }
        #expect(error.code == .corrupt)
        #expect(found[.head(address, .tag(absent))] == .absent)
        #expect(found[.manifest(address, good.digest)] == .found(.manifest(good.root)))
        #expect(found[.tags(address)] == .found(.tags((tags + [broken]).sorted())))
        #expect(found.count == heads.count + others.count)
    }

    @Test func `referrers come from one view`() async throws {
        let images = try (1...5).map { try Samples.image(seed: $0) }
        for (number, image) in images.enumerated() { try await push(image, [try TagName("v\(number)")]) }
        let signature = try Samples.referrer(to: images[2].root.descriptor)
        try await push(signature, [])
        let found = try await answers(to: images.map { .referrers(address, $0.digest) })
        for image in images {
            guard case .found(.referrers(let descriptors))? = found[.referrers(address, image.digest)] else {
                Issue.record("none")
                return
            }
            #expect(descriptors.map(\.digest) == (image.digest == images[2].digest ? [signature.digest] : []))
        }
    }

    @Test func `referrers that cannot be told are unreadable, for each image`() async throws {
        let images = try (1...3).map { try Samples.image(seed: $0) }
        for (number, image) in images.enumerated() { try await push(image, [try TagName("v\(number)")]) }
        try WholeFile.write(Array("{}".utf8), to: "\(layout.root)/team/app/blobs/sha256/\(images[1].digest.encoded)")
        let found = try await answers(to: images.map { .referrers(address, $0.digest) })
        #expect(found.count == 3)
        for answer in found.values {
            guard case .unreadable(let error) = answer else {
                Issue.record("it is readable")
                return
            }
            #expect(error.code == .corrupt)
        }
    }

    @Test func `a cancelled task leaves the rest of its questions`() async throws {
        let image = try Samples.image()
        let tags = try ["1", "2", "3"].map { try TagName($0) }
        try await push(image, tags)
        let reader = QuestionReader(registries: InMemoryDirectory([layout]), contents: NoContents(), cache: nil)
        let questions = tags.map { Question.head(address, .tag($0)) }
        #expect(await reader.answers(to: questions).count == 3)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await reader.answers(to: questions).count
        }
        #expect(await task.value == 0)
    }

    @Test func `a tag that goes while a view is in use is absent, and the layout is not called corrupt`() async throws {
        let image = try Samples.image()
        let tag = try TagName("1")
        try await push(image, [tag])
        let reader = LayoutRegistry(id: layout.id, root: layout.root)
        let view = try #require(try reader.view(of: address.repository))
        try await layout.deleteManifest(image.digest, in: address.repository)
        #expect(throws: RegistryError.self) { try view.head(tag) }
        #expect(try await reader.head(.tag(tag), in: address.repository) == nil)
    }

    @Test func `where no view can be made, each question says why`() async throws {
        try await push(try Samples.image(), [try TagName("1")])
        try WholeFile.write(Array("{".utf8), to: "\(layout.root)/team/app/index.json")
        let questions = try ["1", "2"].map { Question.head(address, .tag(try TagName($0))) }
        for answer in try await answers(to: questions).values {
            guard case .unreadable(let error) = answer else {
                Issue.record("it is readable")
                return
            }
            #expect(error.code == .corrupt)
        }
    }
}
