import Diagnostics
import OCI
import Planning
import RegistryTestSupport
import Testing

@Suite struct ChainTests {
    private func world() throws -> World {
        var world = World()
        try world.add(Samples.multiPlatform(seed: 1), to: "docker.io/library/nginx", tags: ["1"])
        try world.add(Samples.image(seed: 2), to: "us/app/api", tags: ["old", "stable"])
        return world
    }

    @Test func `a promotion inside one repository reads the tag as it will stand`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:stable", to: ["us/app/api"], tags: ["prod"])
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api"], tags: ["stable"])
        let (planned, after) = try world().converge(spec)
        #expect(planned.ids == ["put us.icr.io/app/api:prod", "put us.icr.io/app/api:stable"])
        let promoted = try planned.change("put us.icr.io/app/api:prod")
        #expect(promoted.method == .tag)
        #expect(promoted.after.map(\.description) == ["put us.icr.io/app/api:stable"])
        #expect(try after.digest("us/app/api", "prod") == Samples.multiPlatform(seed: 1).digest)
    }

    @Test func `a chain of three is planned in one go, in its order`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "de/app/api:prod", to: ["jp/app/api"], tags: ["prod"])
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .match(["prod"]))
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api"], tags: ["prod"], platforms: ["linux/amd64"])
        let (planned, after) = try world().converge(spec)
        #expect(planned.ids.count == 3)
        #expect(try planned.position("put us.icr.io/app/api:prod") < planned.position("put de.icr.io/app/api:prod"))
        #expect(try planned.position("put de.icr.io/app/api:prod") < planned.position("put jp.icr.io/app/api:prod"))
        #expect(try after.digest("jp/app/api", "prod") == after.digest("us/app/api", "prod"))
    }

    @Test func `entries that wait for each other are an error with all places`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:a", to: ["us/app/api"], tags: ["b"])
        try spec.image(from: "us/app/api:b", to: ["us/app/api"], tags: ["c"])
        try spec.image(from: "us/app/api:c", to: ["us/app/api"], tags: ["a"])
        try spec.image(from: "us/app/api:a", to: ["de/app/api"], tags: ["behind"])
        try spec.image(from: "docker.io/library/nginx:1", to: ["de/app/api"], tags: ["aside"])
        let error = try #require(world().plan(spec).errors.first)
        #expect(error.code == "cycle")
        #expect(error.range?.start.line == 10)
        #expect(error.related.map(\.range.start.line) == [20, 30])
    }

    @Test func `two selectors that read each other's targets are a cycle`() throws {
        var spec = SpecBuilder()
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .all)
        try spec.copy(from: "de/app/api", to: ["us/app/api"], tags: .all)
        #expect(try world().plan(spec).errors.map(\.code) == ["cycle"])
    }

    @Test func `a group that holds the source itself is no cycle`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "us/app/api:stable", to: ["us/app/api", "de/app/api"], tags: ["stable", "prod"])
        try spec.copy(from: "us/app/api", to: ["us/app/api", "jp/app/api"], tags: .match(["old"]))
        let (planned, _) = try world().converge(spec)
        #expect(
            planned.ids == [
                "put de.icr.io/app/api:prod", "put de.icr.io/app/api:stable", "put jp.icr.io/app/api:old", "put us.icr.io/app/api:prod",
            ]
        )
        var reduced = SpecBuilder()
        try reduced.image(from: "us/app/api:stable", to: ["us/app/api"], tags: ["stable"], platforms: ["linux/amd64"])
        #expect(try world().plan(reduced).errors.map(\.code) == ["cycle"])
    }

    @Test func `a selector reads a repository as this spec leaves it`() throws {
        var spec = SpecBuilder()
        try spec.image(from: "docker.io/library/nginx:1", to: ["us/app/api"], tags: ["new", "stable"])
        try spec.absent("us/app/api:old")
        try spec.copy(from: "us/app/api", to: ["de/app/api"], tags: .all)
        let (planned, after) = try world().converge(spec)
        #expect(try after.tags("de/app/api") == ["new", "stable"])
        #expect(try after.digest("de/app/api", "stable") == Samples.multiPlatform(seed: 1).digest)
        #expect(planned.ids.contains("untag us.icr.io/app/api:old"))
    }

    @Test(arguments: [":old", "@digest"]) func `what this spec removes is no source`(reference: String) throws {
        let digest = try Samples.image(seed: 2).digest
        let text = "us/app/api" + (reference == "@digest" ? "@\(digest)" : reference)
        var spec = SpecBuilder()
        try spec.image(from: text, to: ["de/app/api"], tags: ["1"])
        try spec.absent(text)
        let error = try #require(world().plan(spec).errors.first)
        #expect(error.code == "source-removed")
        #expect(error.related.map(\.range.start.line) == [20])
    }

    @Test func `copies below a prefix follow each other`() throws {
        var spec = SpecBuilder()
        try spec.copy(below: "docker.io", repositories: ["library/*"], to: ["us/mirror"], tags: .all)
        try spec.copy(below: "us/mirror", repositories: ["**"], to: ["de/backup", "disk"], tags: .all)
        let (_, after) = try world().converge(spec)
        #expect(try after.tags("de/backup/library/nginx") == ["1"])
        #expect(try after.tags("disk/library/nginx") == ["1"])
    }

    @Test func `copies below a prefix that match no repository are an error`() throws {
        var spec = SpecBuilder()
        try spec.copy(below: "docker.io", repositories: ["libary/*"], to: ["us/mirror"], tags: .all)
        #expect(try world().plan(spec).errors.map(\.code) == ["nothing-selected"])
    }

    @Test func `an entry that copies into what it reads from has no end`() throws {
        var spec = SpecBuilder()
        try spec.copy(below: "us", repositories: ["**"], to: ["us/mirror"], tags: .all)
        #expect(try world().plan(spec).errors.map(\.code) == ["cycle"])
    }
}
