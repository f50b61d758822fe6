import Diagnostics
import OCI
import Planning
import Specification
import Testing

@Suite("A workspace")
struct WorkspaceTests {
    private let owner = spec(names)

    @Test("the files of a workspace share registries and variables, and a file's own variable wins")
    func sharing() {
        let crplan = owner + "variables: {v: from-crplan, w: w1}\n"
        let file = spec("variables: {v: own}\nimages: [{to: us/a/b, from: nginx:1, tags: ['${v}', '${w}']}]")
        #expect(readWorkspace(crplan, [("a/b.yaml", file)]).desired.images.first?.tags.map(\.description) == ["own", "w1"])
        let overridden = readWorkspace(crplan, [("a/b.yaml", file)], variables: ["v": "given"])
        #expect(overridden.desired.images.first?.tags.map(\.description) == ["given", "w1"])
        #expect(overridden.desired.images.first?.origin == Origin(file: "a/b.yaml", line: 3))
    }

    @Test("one file's variables are not another's")
    func scopes() {
        let result = readWorkspace(
            owner,
            [("a.yaml", spec("variables: {v: '1'}")), ("b.yaml", spec("images: [{to: us/a/b, from: nginx:1, tags: ['${v}']}]"))]
        )
        #expect(result.lines == ["b.yaml:2:45 undefined-variable: variable 'v' is not defined"])
    }

    @Test("what belongs to crplan.yaml alone is refused elsewhere")
    func places() {
        let file = spec(
            "workspace: {include: [x]}\nregistries: {}\ngroups: {}\npolicy: {owners: [], backup: {to: us/b, before: [move]}, protect: ['us/a/**']}\n"
        )
        #expect(
            readWorkspace(owner, [("a.yaml", file + "images: [{to: us/a/b, from: nginx:1, tags: [x]}]")]).lines == [
                "a.yaml:2:1 wrong-place: 'workspace' stands in crplan.yaml alone",
                "a.yaml:3:1 wrong-place: 'registries' stands in crplan.yaml alone",
                "a.yaml:4:1 wrong-place: 'groups' stands in crplan.yaml alone",
                "a.yaml:5:10 wrong-place: 'policy.owners' stands in crplan.yaml alone",
                "a.yaml:5:22 wrong-place: 'policy.backup' stands in crplan.yaml alone",
            ]
        )
    }

    @Test("other files may lower a limit and not raise it")
    func limits() {
        let crplan = owner + "policy: {limits: {deletions: 10, upload: none, quota: refuse}}\n"
        let lower = spec("policy: {limits: {deletions: 3, upload: 1KiB, repositoryShare: 5%}}")
        let limits = readWorkspace(crplan, [("a.yaml", lower)]).policy.limits
        #expect(limits.deletions == 3 && limits.upload == 1024 && limits.repositoryShare == 5 && limits.namespaceDeletions == 0)
        let higher = spec("policy: {limits: {deletions: 11, namespaceDeletions: none, repositoryShare: 51%, quota: warn, upload: none}}")
        #expect(
            readWorkspace(crplan, [("a.yaml", higher)]).lines == [
                "a.yaml:2:30 raised-limit: 'deletions' is higher than crplan.yaml allows",
                "a.yaml:2:54 raised-limit: 'namespaceDeletions' is higher than crplan.yaml allows",
                "a.yaml:2:77 raised-limit: 'repositoryShare' is higher than crplan.yaml allows",
                "a.yaml:2:89 raised-limit: 'quota: warn' is weaker than crplan.yaml's",
            ]
        )
    }

    @Test("none lifts a limit")
    func noLimit() {
        let limits = readWorkspace(owner + "policy: {limits: {deletions: none, repositoryShare: none}}").policy.limits
        #expect(limits.deletions == nil && limits.repositoryShare == nil && limits.namespaceDeletions == 0 && limits.upload == nil)
    }

    @Test("files that are no specs are passed over and counted, and what looks like one is an error")
    func otherFiles() {
        let result = readWorkspace(
            owner,
            [
                ("k8s.yaml", "apiVersion: v1\nkind: Pod\n"), ("list.yaml", "- a\n"), ("empty.yaml", ""), ("twice.yaml", "a: 1\na: 2\n"),
                ("forgot.yaml", "copies: []\n"), ("new.yaml", "apiVersion: crplan/v2\nimages: []\n"), ("broken.yaml", "a: [1\n"),
                ("mixed.yaml", "a: 1\n---\napiVersion: crplan/v1\nimages: []\n"),
            ]
        )
        #expect(result.passedOverFiles == 4)
        #expect(result.diagnostics.map(\.code) == ["yaml-syntax", "no-api-version", "unknown-version"])
        #expect(result.diagnostics.map(\.range?.file) == ["broken.yaml", "forgot.yaml", "new.yaml"])
        #expect(result.fileDigests.keys.sorted() == ["crplan.yaml", "mixed.yaml"])
    }

    @Test("crplan.yaml and files given by name must be specs")
    func mustBeSpecs() {
        #expect(readWorkspace("").lines == ["crplan.yaml:1:1 not-a-spec: crplan.yaml is not a spec: it lacks 'apiVersion: crplan/v1'"])
        #expect(read("kind: Pod").lines == ["1:1 not-a-spec: spec.yaml is not a spec: it lacks 'apiVersion: crplan/v1'"])
    }

    @Test("files given by name may each hold every key, and what two define is shown with both places")
    func givenFiles() throws {
        let files = [
            SpecFile("a.yaml", spec("registries: {us: {host: a.example.com}}\npolicy: {limits: {deletions: 99}}\n")),
            SpecFile("b.yaml", spec("registries: {us: {host: b.example.com}}\npolicy: {limits: {deletions: 50}}\n")),
        ]
        let result = Specification.read(SpecificationInput(files: files, mode: .files))
        let duplicate = try #require(result.diagnostics.first)
        #expect(result.lines == ["b.yaml:2:14 duplicate-definition: registry 'us' is defined twice"])
        #expect(duplicate.related.map(\.range.file) == ["a.yaml"])
        #expect(duplicate.related.map(\.range.start) == [SourcePosition(line: 2, column: 14)])
        #expect(result.policy.limits.deletions == 50)
    }

    @Test("what is declared in one file and absent in another is shown with both places")
    func contradiction() throws {
        let result = readWorkspace(
            owner,
            [("a.yaml", spec("images: [{to: us/a/b, from: nginx:1, tags: [x]}]")), ("b.yaml", spec("absent: ['us/a/b:x']"))]
        )
        #expect(result.lines == ["b.yaml:2:10 declared-and-absent: us.example.com/a/b:x is both declared and absent"])
        #expect(result.diagnostics.first?.related.map(\.range.file) == ["a.yaml"])
    }

    @Test("relative paths start at the file they stand in")
    func paths() {
        let body = "images: [{to: us/a/b, from: {archive: ../x/j.tar}, tags: [x]}, {to: us/a/c, from: {layout: /abs/y}, tags: [x]}]"
        let result = readWorkspace(owner, [("specs/team/a.yaml", spec(body))])
        #expect(
            result.desired.images.map(\.source) == [
                .local(.archive(path: "./specs/x/j.tar", image: nil)), .local(.layout(path: "/abs/y", reference: nil)),
            ]
        )
    }
}

@Suite("The files of a workspace")
struct WorkspaceFilesTests {
    private let candidates = [
        "crplan.yaml", "b.yml", "a.yaml", "notes.txt", "specs/x.yaml", "specs/deep/y.yaml", ".github/ci.yaml", "specs/.old/z.yaml",
        "other/crplan.yaml", "other/in.yaml", "other/deep/in.yaml",
    ]

    @Test("are all YAML files outside hidden folders and workspaces below")
    func byDefault() {
        let members = WorkspaceFiles.members(crplanBytes: Array(spec("").utf8), candidates: candidates)
        #expect(members == ["crplan.yaml", "a.yaml", "b.yml", "specs/deep/y.yaml", "specs/x.yaml"])
    }

    @Test(
        "are those that include matches",
        arguments: [
            ("specs/**", ["specs/deep/y.yaml", "specs/x.yaml"]), ("./specs/*", ["specs/x.yaml"]),
            ("**", ["a.yaml", "b.yml", "specs/deep/y.yaml", "specs/x.yaml"]),
            ("specs/.old/*", ["specs/.old/z.yaml"]), ("other/**", []),
        ]
    )
    func included(pattern: String, expected: [String]) {
        let bytes = Array(spec("workspace: {include: ['\(pattern)']}").utf8)
        #expect(WorkspaceFiles.members(crplanBytes: bytes, candidates: candidates) == ["crplan.yaml"] + expected)
    }
}
