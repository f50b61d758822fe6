import OCI
import RegistryTestSupport
import Testing

/// What crplan writes to disk is read by skopeo and umoci, and the other way round.
@Suite struct OtherToolsTests {
    /// An image with a real layer, made by umoci, in `layout` under `v1`.
    private static func buildWithUmoci(in layout: String, _ scenario: Scenario) async throws {
        let site = "\(scenario.folder)/site"
        try makeFolder(site)
        try writeFile("<h1>hello</h1>\n", to: "\(site)/index.html")
        let image = "\(layout):v1"
        for arguments in [
            ["init", "--layout", layout], ["new", "--image", image],
            ["insert", "--rootless", "--image", image, site, "/srv/site"],
            ["config", "--image", image, "--architecture", "amd64", "--os", "linux", "--config.cmd", "/bin/sh"],
        ] { try await runSuccessfully("umoci", arguments) }
    }

    @Test func `skopeo and umoci read a directory that crplan wrote`() async throws {
        try await withScenario(
            """
            registries:
              disk: {kind: layout, path: ./mirror}
            images:
              - {to: disk/team/site, from: {layout: ../built, image: v1}, tags: ["1", stable]}
              - {to: disk/team/multi, from: {layout: ../multi}, tags: ["2"]}
            """
        ) { scenario in
            let built = "\(scenario.folder)/built"
            try await Self.buildWithUmoci(in: built, scenario)
            let multi = try Samples.multiPlatform(attestations: true)
            try Content.writeLayout([("m", multi)], to: "\(scenario.folder)/multi")
            try await scenario.applyAll()
            let mirror = "\(scenario.workspace)/mirror/team"
            #expect(try await runSuccessfully("umoci", ["list", "--layout", "\(mirror)/site"]).stdout == "1\nstable\n")
            #expect(try await Skopeo.digest("oci:\(mirror)/site:stable") == (try await Skopeo.digest("oci:\(built):v1")))
            #expect(try await Skopeo.digest("oci:\(mirror)/multi:2") == multi.digest)
            let (bundle, taken) = ("\(scenario.folder)/bundle", "\(scenario.folder)/taken")
            try await runSuccessfully("umoci", ["unpack", "--rootless", "--image", "\(mirror)/site:1", bundle])
            #expect(try readFile("\(bundle)/rootfs/srv/site/index.html") == Array("<h1>hello</h1>\n".utf8))
            try await runSuccessfully("skopeo", ["copy", "--quiet", "--all", "oci:\(mirror)/multi:2", "dir:\(taken)"])
            #expect(try readFile("\(taken)/manifest.json") == multi.root.bytes)
        }
    }

    @Test(arguments: ["oci-archive", "docker-archive", "oci"])
    func `an image that umoci built and skopeo wrote is pushed, and the next plan is empty`(form: String) async throws {
        try await withRealRegistry { registry in
            let source = form == "oci" ? "{layout: ../image}" : "{archive: ../image}"
            try await withScenario(
                """
                registries:
                \(registry.declaration("lab"))
                  disk: {kind: layout, path: ./mirror}
                images:
                  - {to: [lab/team/site, disk/team/site], from: \(source), tags: ["1", latest]}
                """
            ) { scenario in
                let built = "\(scenario.folder)/built"
                try await Self.buildWithUmoci(in: built, scenario)
                let suffix = form == "docker-archive" ? ":team/site:1" : ":v1"
                try await runSuccessfully("skopeo", ["copy", "--quiet", "oci:\(built):v1", "\(form):\(scenario.folder)/image\(suffix)"])
                try await scenario.applyAll()
                let pushed = try #require(try await Skopeo.digest("team/site:1", of: registry))
                #expect(try await Skopeo.digest("team/site:latest", of: registry) == pushed)
                #expect(try await Skopeo.digest("oci:\(scenario.workspace)/mirror/team/site:1") == pushed)
                if form != "docker-archive" { #expect(try await Skopeo.digest("oci:\(built):v1") == pushed) }
                try await Self.expectSite(in: registry, scenario)
            }
        }
    }

    /// Pulls what was pushed as somebody else would, and looks into it.
    private static func expectSite(in registry: RealRegistry, _ scenario: Scenario) async throws {
        let taken = "\(scenario.folder)/taken"
        let options = ["--quiet", "--src-tls-verify=false"]
        try await runSuccessfully("skopeo", ["copy"] + options + ["docker://\(registry.host)/team/site:1", "oci:\(taken):x"])
        try await runSuccessfully("umoci", ["unpack", "--rootless", "--image", "\(taken):x", "\(scenario.folder)/bundle"])
        #expect(try readFile("\(scenario.folder)/bundle/rootfs/srv/site/index.html") == Array("<h1>hello</h1>\n".utf8))
    }

    @Test func `the same image saved in a Docker archive again is known by its config`() async throws {
        try await withRealRegistry { registry in
            try await withScenario(
                """
                registries:
                \(registry.declaration("lab"))
                images:
                  - {to: lab/team/site, from: {archive: ../image}, tags: ["1"]}
                """
            ) { scenario in
                let built = "\(scenario.folder)/built"
                try await Self.buildWithUmoci(in: built, scenario)
                let archive = "\(scenario.folder)/image"
                // Somebody else pushed it, with layers compressed in another way than crplan would.
                try await Skopeo.put("oci:\(built):v1", into: "team/site:1", of: registry)
                try await runSuccessfully("skopeo", ["copy", "--quiet", "oci:\(built):v1", "docker-archive:\(archive):team/site:1"])
                try await scenario.expectNoChanges()
            }
        }
    }

    @Test func `a directory that skopeo filled is a registry, and its other images stay`() async throws {
        try await withScenario(
            """
            registries:
              disk: {kind: layout, path: ./mirror}
            images:
              - {to: disk/team/app, from: disk/team/app:v1, tags: [stable]}
            absent:
              - disk/team/app:old
            """
        ) { scenario in
            let (kept, old) = (try Samples.multiPlatform(seed: 1), try Samples.image(seed: 2))
            try Content.writeLayout([("v1", kept), ("old", old), ("other", old)], to: "\(scenario.folder)/built")
            let path = "\(scenario.workspace)/mirror/team/app"
            try makeFolder(path)
            for tag in ["v1", "old", "other"] {
                let places = ["oci:\(scenario.folder)/built:\(tag)", "oci:\(path):\(tag)"]
                try await runSuccessfully("skopeo", ["copy", "--quiet", "--all", "--preserve-digests"] + places)
            }
            try await scenario.applyAll()
            let tags = try await runSuccessfully("umoci", ["list", "--layout", path]).stdout
            #expect(tags.split(separator: "\n").sorted() == ["other", "stable", "v1"])
            #expect(try await Skopeo.digest("oci:\(path):stable") == kept.digest)
            #expect(try await Skopeo.digest("oci:\(path):other") == old.digest)
        }
    }
}
