import Diagnostics
import OCI
import Planning
import Specification
import Testing

@Suite("Reading what a spec says")
struct DecodingTests {
    @Test("tags are the texts that were written, whatever YAML takes them for")
    func tags() {
        let result = read(
            spec("images: [{to: docker.io/a/b, from: nginx:1, tags: [1.10, 010, 0x10, 1e3, yes, 2024-01-01, 1_000, true, \"null\"]}]")
        )
        #expect(result.lines == [])
        let expected = ["1.10", "010", "0x10", "1e3", "yes", "2024-01-01", "1_000", "true", "null"]
        #expect(result.desired.images.first?.tags.map(\.description) == expected)
    }

    @Test(
        "a source is what Docker would take it for, in full",
        arguments: [
            ("nginx:1", "docker.io/library/nginx:1"), ("grafana/grafana:1", "docker.io/grafana/grafana:1"),
            ("docker.io/nginx:1", "docker.io/library/nginx:1"), ("index.docker.io/a/b:1", "docker.io/a/b:1"),
            ("registry-1.docker.io/a/b:1", "docker.io/a/b:1"), ("localhost:5000/a:1", "localhost:5000/a:1"),
            ("ghcr.io:443/a/b:1", "ghcr.io/a/b:1"), ("us/a/b:1", "us.example.com/a/b:1"), ("US.example.com/a/b:1", "us.example.com/a/b:1"),
            ("lab/x:1", "lab.example:5000/x:1"), ("disk/x:1", "./m/x:1"),
        ]
    )
    func sources(written: String, full: String) throws {
        let result = read(spec("\(names)images: [{to: us/t/t, from: '\(written)', tags: [x]}]"))
        guard case .reference(let address, let reference)? = result.desired.images.first?.source else {
            Issue.record("\(result.lines)")
            return
        }
        #expect("\(address)\(reference.suffix)" == full)
    }

    @Test("with a tag and a digest, the digest decides")
    func digestDecides() throws {
        let digest = try Digest("sha256:" + String(repeating: "ab", count: 32))
        let result = read(spec("images: [{to: docker.io/a/b, from: 'nginx:1@\(digest)', tags: [x]}]"))
        #expect(result.desired.images.first?.source == .reference(try .at("docker.io/library/nginx"), .digest(digest)))
    }

    @Test(
        "a group stands for each of its members, with their paths",
        arguments: [
            ("regions/a/b", ["de.example.com/a/b", "us.example.com/a/b"]),
            ("mirrors/a", ["lab.example:5000/dockerhub/a", "us.example.com/mirror/a"]),
            ("mirrors", ["lab.example:5000/dockerhub", "us.example.com/mirror"]),
            ("[us/a/b, regions/a/b]", ["de.example.com/a/b", "us.example.com/a/b"]),
        ]
    )
    func groups(written: String, targets: [String]) {
        let result = read(spec("\(names)images: [{to: \(written), from: nginx:1, tags: [x]}]"))
        #expect(result.lines == [])
        #expect(result.desired.images.first?.targets.map(\.description) == targets)
    }

    @Test("variables are put in everywhere, nested ones too, and $${ is escaped")
    func variables() {
        let text = spec(
            """
            variables: {a: "1", b: "${a}.2", n: 3, team: pay, mode: keep, flag: true}
            images:
              - {to: "docker.io/${team}/b", from: "nginx:${b}", tags: ["v${b}-x"], existing: "${mode}"}
            copies:
              - {from: nginx, to: docker.io/a/b, tags: {newest: "${n}", by: created}, allowEmpty: "${flag}"}
              - {from: nginx, to: docker.io/a/c, tags: {match: ["*"], except: ["$5"]}}
            """
        )
        let result = read(text)
        #expect(
            result.lines == [
                "7:68 invalid-value: 'except': '$5' is not a pattern of tags: a pattern of tags has only letters, digits, '_', '.', '-' and '*'"
            ]
        )
        #expect(result.desired.images.first?.targets.map(\.description) == ["docker.io/pay/b"])
        #expect(result.desired.images.first?.tags.map(\.description) == ["v1.2-x"])
        #expect(result.desired.images.first?.rules.existing == .keep)
        #expect(result.desired.copies.first?.selector.newest == TagSelector.Newest(count: 3, ranking: .created))
        #expect(result.desired.copies.first?.allowEmpty == true)
        let escaped = read(spec("images: [{to: docker.io/a/b, from: {layout: './$${x}'}, tags: [x]}]"))
        #expect(escaped.desired.images.first?.source == .local(.layout(path: "./${x}", reference: nil)))
    }

    @Test("merge keys and aliases of YAML work as elsewhere")
    func mergeKeys() {
        let text = spec(
            """
            images:
              - &base {to: docker.io/a/b, from: nginx:1, tags: [x], missing: keep}
              - {<<: *base, to: docker.io/a/c}
            """
        )
        let result = read(text)
        #expect(result.lines == [])
        #expect(result.desired.images.map { $0.targets.map(\.description) } == [["docker.io/a/b"], ["docker.io/a/c"]])
        #expect(result.desired.images.map(\.rules.missing) == [.keep, .keep])
    }

    @Test("a pattern of policy may begin with an alias, a group, a host, * or **")
    func patterns() throws {
        let text = "\(names)policy: {immutable: ['us/a:x', 'mirrors/**', 'ghcr.io/a/*', '*/a/b:v*', '**/b', '**:v*', 'localhost:5000/a']}"
        let scopes = read(spec(text)).policy.immutable.map { pattern in
            pattern.scopes.map { "\($0.registry?.description ?? "any") \($0.path)" } + [pattern.tag?.description ?? "-"]
        }
        #expect(
            scopes == [
                ["us.example.com a", "x"], ["us.example.com mirror/**", "lab.example:5000 dockerhub/**", "-"], ["ghcr.io a/*", "-"],
                ["any a/b", "v*"], ["any **/b", "-"], ["any **", "v*"], ["localhost:5000 a", "-"],
            ]
        )
    }

    @Test("owners are decoded with their files and what they may declare")
    func owners() {
        let owners = read(spec("\(names)policy: {owners: [{files: 'specs/pay/**', may: ['regions/pay/**', us/x]}]}")).policy.owners
        #expect(owners.map(\.files) == [Glob("specs/pay/**")])
        #expect(owners.first?.may.map(\.text) == ["regions/pay/**", "us/x"])
        #expect(owners.first?.origin == Origin(file: "spec.yaml", line: 4))
    }

    @Test("exactly the hosts of IBM Cloud Container Registry are of kind icr, and one registry may be untagged by placeholders")
    func kinds() throws {
        let text =
            "registries: {a: {host: us.icr.io}, b: {host: cp.icr.io}, c: {host: icr.io, kind: oci}, d: {host: x.example.com, untag: placeholder}}\n"
        let declared = read(spec(text))
        #expect(declared.aliases.mapValues(\.kind) == ["a": .icr, "b": .oci, "c": .oci, "d": .oci])
        #expect(declared.desired.unavailable == [])
        let used = read(spec(text + "images: [{to: [a/x/y, d/x/y], from: nginx:1, tags: [x]}, {to: b/x/y, from: c/x/y:1, tags: [x]}]"))
        #expect(used.lines == [])
        #expect(used.desired.unavailable == [])
        #expect(used.desired.registries.mapValues(\.untag).filter { $0.value == .placeholder }.keys.map(\.description) == ["x.example.com"])
    }

    @Test("what defaults say anyway is available")
    func defaults() {
        let text = "copies: [{from: nginx, to: docker.io/a/b, tags: all, prune: keep}]\npolicy: {limits: {quota: warn}}\n"
        #expect(read(spec(text)).desired.unavailable == [])
    }
}
