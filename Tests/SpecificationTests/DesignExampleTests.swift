import Diagnostics
import OCI
import Planning
import Specification
import Testing

@Suite("The whole example of a spec")
struct DesignExampleTests {
    private let result = readWorkspace(DesignExample.text)

    @Test("has no mistake")
    func hasNoMistake() {
        #expect(result.lines == [])
        #expect(result.passedOverFiles == 0)
        #expect(result.fileDigests.keys.sorted() == ["crplan.yaml"])
        #expect(result.pruningFiles == ["crplan.yaml"])
    }

    @Test("what this version cannot do is said once for each entry, at its place")
    func unavailable() {
        #expect(
            result.desired.unavailable.map(\.line) == [
                "crplan.yaml:39:34 unavailable: 'build' is not available in this version: 'us/payments/cli' asks for it",
                "crplan.yaml:40:35 unavailable: 'files' is not available in this version: 'us/payments/site' asks for it",
                "crplan.yaml:41:11 unavailable: 'archive' is not available in this version: './out/api.tar' asks for it",
            ]
        )
    }

    @Test("namespaces, with their retention, and the one that must not be there")
    func namespaces() throws {
        let entry = try #require(result.desired.namespaces.first)
        #expect(entry.name == "payments")
        #expect(entry.registries.map(\.description) == ["de.icr.io", "jp.icr.io", "us.icr.io"])
        #expect(entry.resourceGroup == "8a1b")
        #expect(entry.retention == .policy(.init(imagesPerRepository: 10, keepUntagged: true, minimumAgeDays: 7)))
        #expect(result.desired.namespaceAbsences.map(\.name) == ["old"])
        #expect(result.desired.namespaceAbsences.map { $0.registries.map(\.description) } == [["us.icr.io"]])
    }

    @Test("images, with groups, variables, paths and rules put in")
    func images() throws {
        let images = result.desired.images
        #expect(images.map(\.origin.line) == [30, 37, 38])
        #expect(
            images.map { $0.targets.map(\.description) } == [
                ["de.icr.io/payments/api", "jp.icr.io/payments/api", "us.icr.io/payments/api"], ["us.icr.io/payments/web"],
                ["us.icr.io/payments/job"],
            ]
        )
        #expect(images.map { $0.tags.map(\.description) } == [["1.4.2", "stable"], ["2.0"], ["1"]])
        #expect(
            images.map(\.source) == [
                .reference(try .at("docker.io/library/nginx"), .tag(try TagName("1.27.4"))),
                .local(.layout(path: "./dist/web", reference: nil)), .local(.archive(path: "./dist/job.tar", image: "job:1")),
            ]
        )
        #expect(images.first?.rules.missing == .keep)
        #expect(images.first?.rules.platforms?.map(\.description) == ["linux/amd64", "linux/arm64"])
    }

    @Test("copies, of one repository and of several below a registry")
    func copies() throws {
        let layout = RepositoryAddress(try RegistryID(layout: "./mirror"), try RepositoryName("payments/api"))
        #expect(
            result.desired.copies.map(\.scope) == [
                .repository(
                    from: try .at("us.icr.io/payments/api"),
                    to: [layout, try .at("de.icr.io/payments/api"), try .at("jp.icr.io/payments/api")]
                ),
                .repositories(
                    from: RepositoryPrefix(.dockerHub, nil),
                    matching: [Glob("library/nginx"), Glob("grafana/grafana")],
                    to: [
                        RepositoryPrefix(try RegistryID(host: "registry.lab.example:5000"), try RepositoryName("dockerhub")),
                        RepositoryPrefix(try RegistryID(host: "us.icr.io"), try RepositoryName("mirror")),
                    ]
                ),
            ]
        )
        #expect(
            result.desired.copies.map(\.selector) == [
                TagSelector(
                    base: .match([Glob("1.*")]),
                    semver: try VersionRange(">=1.4 <2"),
                    except: [Glob("*-rc*")],
                    newest: TagSelector.Newest(count: 5, ranking: .version)
                ),
                TagSelector(base: .all, semver: try VersionRange("*"), newest: TagSelector.Newest(count: 20, ranking: .version)),
            ]
        )
    }

    @Test("absences, as tags, patterns, digests and whole repositories")
    func absences() throws {
        let digest = try Digest("sha256:" + String(repeating: "ab", count: 32))
        #expect(result.desired.absences.map(\.what) == [.tag(try TagName("1.0.0")), .tags(Glob("pr-*")), .digest(digest), .repository])
        let places = result.desired.absences.map { $0.scopes.map(\.literal?.description) }
        #expect(places == Array(repeating: ["us.icr.io/payments/api"], count: 3) + [["us.icr.io/payments/legacy"]])
    }

    @Test("the policy")
    func policy() throws {
        let policy = result.policy
        #expect(policy.protect.map(\.text) == ["regions/payments/api:prod-*"])
        #expect(policy.protect.first?.scopes.count == 3)
        #expect(policy.immutable.first?.scopes == [RepositoryPattern(registry: nil, path: Glob("**"))])
        #expect(policy.immutable.first?.tag == Glob("v*"))
        #expect(policy.limits.deletions == 20 && policy.limits.repositoryShare == 50 && policy.limits.namespaceDeletions == 0)
        #expect(policy.limits.upload == 50 << 30)
        #expect(policy.owners.map(\.files) == [Glob("specs/payments/**")])
        #expect(policy.workspaceFile == "crplan.yaml")
        let origin = Origin(file: "crplan.yaml", line: 71)
        #expect(
            policy.inUse.lists == [
                InUseList(path: "./in-use.txt", kind: .references, maxAge: 86400, origin: origin),
                InUseList(path: "./workloads.json", kind: .kubernetes, origin: origin),
            ]
        )
        #expect(policy.inUse.registries == Set(result.aliases.values.map(\.id)))
    }

    @Test("registries that are used, declared or not")
    func registries() throws {
        let registries = result.desired.registries
        #expect(
            registries.keys.sorted().map(\.description) == [
                "./mirror", "de.icr.io", "docker.io", "icr.io", "jp.icr.io", "registry.lab.example:5000", "us.icr.io",
            ]
        )
        let lab = try #require(registries[try RegistryID(host: "registry.lab.example:5000")])
        #expect(lab.plainHTTP && lab.alias == "lab" && lab.kind == .oci && lab.limits.connections == 16 && lab.untag == .placeholder)
        #expect(lab.credentials == .variables(username: "CRPLAN_LAB_USER", password: "CRPLAN_LAB_PASSWORD"))
        #expect(lab.endpoint?.content == "http://127.0.0.1:5000")
        #expect(registries[.dockerHub]?.kind == .oci && registries[.dockerHub]?.alias == nil)
        #expect(registries[try RegistryID(host: "us.icr.io")]?.kind == .icr)
        #expect(result.aliases.keys.sorted() == ["de", "disk", "jp", "lab", "us"])
        #expect(result.groups["mirrors"]?.map(\.description) == ["us.icr.io/mirror", "registry.lab.example:5000/dockerhub"])
    }
}
