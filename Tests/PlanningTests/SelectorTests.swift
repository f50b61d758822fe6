import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct SelectorTests {
    /// us/app/api with an image per tag, in the order given; each is a day younger than the one before.
    private func world(_ tags: [String]) throws -> World {
        var world = World()
        for (number, tag) in tags.enumerated() {
            let image = try Samples.image(seed: UInt64(number + 1))
            try world.add(image, to: "us/app/api", tags: [tag], created: Int64(number) * 86_400)
        }
        return world
    }

    private func copy(_ selector: TagSelector, allowEmpty: Bool = false, missing: MissingRule = .error) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: selector, allowEmpty: allowEmpty, missing: missing)
        return spec
    }

    private func headedTags(_ planned: Planned) -> [String] {
        planned.asked.compactMap { question in
            guard case .head(let address, .tag(let tag)) = question, address.registry.description == "us.icr.io" else { return nil }
            return tag.description
        }.sorted()
    }

    @Test func `newest keeps the highest versions and asks for no more tags than it needs`() throws {
        let world = try world(["1.9.0", "1.10.0", "1.2.0", "1.11.0-rc.1", "2.0.0", "1.3.0", "1.4.0", "latest"])
        let (planned, after) = try world.converge(copy(.match(["*"], semver: "^1", newest: 2)))
        #expect(try after.tags("de/app/api") == ["1.10.0", "1.9.0"])
        #expect(headedTags(planned) == ["1.10.0", "1.4.0", "1.9.0"])
    }

    @Test func `newest counts distinct digests, and takes all tags that share one`() throws {
        var world = try world(["1.0.0", "1.1.0", "1.2.0"])
        try world.add(Samples.image(seed: 3), to: "us/app/api", tags: ["v1.2.0", "1.2.1"])
        let (planned, after) = try world.converge(copy(.match(["*"], semver: "*", newest: 2)))
        #expect(try after.tags("de/app/api") == ["1.1.0", "1.2.0", "1.2.1", "v1.2.0"])
        #expect(headedTags(planned).count == 5)
    }

    @Test func `newest by creation time takes the latest, undated images last`() throws {
        var world = try world(["c", "b", "a"])
        try world.add(Samples.image(seed: 9), to: "us/app/api", tags: ["undated"])
        try world.add(Samples.image(seed: 3), to: "us/app/api", tags: ["also-a"], created: 2 * 86_400)
        let (_, after) = try world.converge(copy(.match(["*"], newest: 2, by: .created)))
        #expect(try after.tags("de/app/api") == ["a", "also-a", "b"])
    }

    @Test func `newest by creation time ranks an index by its latest image`() throws {
        var world = try world(["old", "young"])
        try world.add(Samples.multiPlatform(seed: 7), to: "us/app/api", tags: ["index"], created: 10 * 86_400)
        let (_, after) = try world.converge(copy(.match(["*"], newest: 1, by: .created)))
        #expect(try after.tags("de/app/api") == ["index"])
    }

    @Test func `newest by creation time cannot rank what is pushed from a file by the same plan`() throws {
        var world = try world(["old"])
        world.addLayout(try Samples.image(seed: 7), at: "dist")
        var spec = try copy(.match(["*"], newest: 1, by: .created))
        try spec.image(local: .layout(path: "dist", reference: nil), to: ["us/app/api"], tags: ["new"])
        #expect(try world.plan(spec).errors.map(\.code) == ["no-creation-time"])
    }

    @Test func `a selector that selects nothing is an error with the nearest names`() throws {
        let planned = try world(["1.4.0", "1.4.1", "nightly"]).plan(copy(.match(["1.5*"])))
        let error = try #require(planned.errors.first)
        #expect(error.code == "nothing-selected")
        #expect(error.help?.contains("it has 3 tags, nearest: 1.4.0") == true)
    }

    @Test func `versions with two parts are no versions, and the error says so`() throws {
        var selector = TagSelector(base: .all)
        selector.semver = try VersionRange(">=1")
        let error = try #require(try world(["1.0", "1.1"]).plan(copy(selector)).errors.first)
        #expect(error.help?.contains("'semver' counts full versions with three parts only") == true)
    }

    @Test func `allowEmpty allows a selector to select nothing`() throws {
        #expect(try world(["nightly"]).converge(copy(.match(["1.5*"]), allowEmpty: true)).planned.ids.isEmpty)
    }

    @Test func `a source repository that is not there is an error, or kept`() throws {
        #expect(try World().plan(copy(.all)).errors.map(\.code) == ["source-missing"])
        #expect(try World().plan(copy(.all, allowEmpty: true)).errors.map(\.code) == ["source-missing"])
        let kept = try World().plan(copy(.all, missing: .keep))
        #expect(kept.errors.isEmpty)
        #expect(kept.notes.map(\.code) == ["source-missing"])
    }

    @Test func `a listed tag that is not there is an error, with newest too`() throws {
        let world = try world(["1.0.0", "1.1.0"])
        var list = try TagSelector.list(["1.0.0", "1.1.0", "1.2.0"])
        #expect(try world.plan(copy(list)).errors.map(\.code) == ["source-missing"])
        list.newest = .init(count: 2, ranking: .version)
        #expect(try world.plan(copy(list)).errors.map(\.code) == ["source-missing"])
        list.newest = .init(count: 2, ranking: .created)
        #expect(try world.plan(copy(list)).errors.map(\.code) == ["source-missing"])
    }

    @Test func `a listed tag that is gone is kept at the target by missing keep`() throws {
        var world = try world(["1.0.0"])
        try world.add(Samples.image(seed: 8), to: "de/app/api", tags: ["1.1.0"])
        let (planned, after) = try world.converge(copy(.list(["1.0.0", "1.1.0"]), missing: .keep))
        #expect(planned.ids == ["put de.icr.io/app/api:1.0.0"])
        #expect(try after.digest("de/app/api", "1.1.0") == Samples.image(seed: 8).digest)
    }

    @Test func `a list reads no tag list for its selection`() throws {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .list(["a", "b"]), referrers: .never)
        let planned = try world(["a", "b", "c"]).plan(spec)
        #expect(!planned.asked.contains(.tags(try Names.repository("us/app/api"))))
    }

    @Test func `companion tags are not selected`() throws {
        var world = try world(["1.0.0"])
        let signature = try Samples.cosignSignature(of: Samples.image(seed: 1).digest)
        try world.add(signature.sample, to: "us/app/api", tags: [signature.tag.description])
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .all, referrers: .never)
        #expect(try world.converge(spec).planned.ids == ["put de.icr.io/app/api:1.0.0"])
    }
}

@Suite struct PlatformTests {
    private func world() throws -> World {
        var world = World()
        let platforms = try ["linux/amd64", "linux/arm64", "linux/s390x"].map { try Platform($0) }
        try world.add(Samples.multiPlatform(seed: 1, platforms: platforms, attestations: true), to: "docker.io/x/y", tags: ["index"])
        try world.add(Samples.image(seed: 5), to: "docker.io/x/y", tags: ["single"])
        return world
    }

    private func entry(_ tag: String, _ platforms: [String]) throws -> SpecBuilder {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/x/y:\(tag)", to: ["us/x/y"], tags: ["1"], platforms: platforms)
        return spec
    }

    @Test func `some platforms make a new index with the same manifests, and a note`() throws {
        let (planned, after) = try world().converge(entry("index", ["linux/amd64", "linux/s390x"]))
        let content = try #require(planned.plan.contents.first)
        #expect(content.manifest != nil)
        #expect(content.platforms.map(\.description) == ["linux/amd64", "linux/s390x"])
        #expect(planned.notes.map(\.code) == ["new-index"])
        let address = try Names.repository("us/x/y")
        let index = try #require(after.document(address, .tag(TagName("1")))?.index)
        // Two images, each with its attestation.
        #expect(index.manifests.count == 4)
        #expect(index.manifests.allSatisfy { after.repositories[address]?.manifests[$0.digest] != nil })
        #expect(try after.plan(entry("index", ["linux/amd64", "linux/s390x"])).notes.isEmpty)
    }

    @Test func `all platforms leave the index as it is`() throws {
        let (planned, _) = try world().converge(entry("index", ["linux/amd64", "linux/arm64", "linux/s390x"]))
        #expect(planned.plan.contents.first?.manifest == nil)
        #expect(planned.notes.isEmpty)
    }

    @Test func `a platform that is not there is an error that names those that are`() throws {
        let error = try #require(world().plan(entry("index", ["linux/amd64", "linux/ppc64le"])).errors.first)
        #expect(error.code == "platform-missing")
        #expect(error.help?.contains("linux/amd64, linux/arm64, linux/s390x") == true)
    }

    @Test func `a single image is taken when it is for one of the platforms`() throws {
        #expect(try world().converge(entry("single", ["linux/amd64"])).planned.ids == ["put us.icr.io/x/y:1"])
        #expect(try world().plan(entry("single", ["linux/arm64"])).errors.map(\.code) == ["platform-missing"])
    }

    @Test func `the new index has the same digest whatever the order of the platforms`() throws {
        let first = try world().plan(entry("index", ["linux/amd64", "linux/arm64"])).plan
        let second = try world().plan(entry("index", ["linux/arm64", "linux/amd64"])).plan
        #expect(first.contents.map(\.digest) == second.contents.map(\.digest))
    }
}
