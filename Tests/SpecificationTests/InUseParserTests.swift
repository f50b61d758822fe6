import OCI
import Planning
import Specification
import Testing

private let hex = String(repeating: "ab", count: 32)
private let otherHex = String(repeating: "cd", count: 32)

/// Lists of what is in use, as people and `kubectl` write them.
@Suite struct InUseParserTests {
    private func lines(_ text: String) -> InUseList.Content {
        InUseParser.content(of: Array(text.utf8), as: .references, name: "in-use.txt")
    }

    private func kubernetes(_ text: String) -> InUseList.Content {
        InUseParser.content(of: Array(text.utf8), as: .kubernetes, name: "w.json")
    }

    /// `repository:tag@digest`, with the digest cut.
    private func shown(_ content: InUseList.Content) -> [String] {
        switch content {
        case .unread: ["unread"]
        case .unusable(let problems): problems
        case .references(let references):
            references.map { reference in
                (reference.repository?.description ?? "") + (reference.tag.map { ":\($0)" } ?? "")
                    + (reference.digest.map { "@\($0.description.prefix(9))" } ?? "")
            }
        }
    }

    // MARK: References

    private static let meanings: [(String, String)] = [
        ("nginx", "docker.io/library/nginx:latest"), ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("grafana/grafana:10", "docker.io/grafana/grafana:10"), ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("index.docker.io/grafana/grafana", "docker.io/grafana/grafana:latest"),
        ("registry-1.docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("us.icr.io/payments/api:1.4", "us.icr.io/payments/api:1.4"), ("private.us.icr.io/payments/api:1.4", "us.icr.io/payments/api:1.4"),
        ("US.ICR.IO:443/payments/api:1", "us.icr.io/payments/api:1"), ("private.icr.io/ns/x:1", "icr.io/ns/x:1"),
        ("private.example.com/a:1", "private.example.com/a:1"), ("localhost/a:1", "localhost/a:1"),
        ("localhost:5000/a:1", "localhost:5000/a:1"),
        ("lab.example:5000/a/b", "lab.example:5000/a/b:latest"), ("us.icr.io/p/api@sha256:\(hex)", "us.icr.io/p/api@sha256:ab"),
        ("us.icr.io/p/api:1@sha256:\(hex)", "us.icr.io/p/api:1@sha256:ab"), ("nginx@sha256:\(hex)", "docker.io/library/nginx@sha256:ab"),
        ("docker-pullable://us.icr.io/p/api@sha256:\(hex)", "us.icr.io/p/api@sha256:ab"), ("docker://sha256:\(hex)", "@sha256:ab"),
        ("containerd://us.icr.io/p/api:2", "us.icr.io/p/api:2"), ("sha256:\(hex)", "@sha256:ab"), (hex, "@sha256:ab"),
    ]

    @Test(arguments: meanings)
    func `a reference means what docker takes it for`(text: String, meaning: String) {
        #expect(shown(lines(text)) == [meaning])
    }

    @Test func `blank lines and comments are passed over, and each reference knows its line`() {
        let content = lines("\u{feff}# what runs\r\n\r\n  nginx:1 # the front\r\n\t# none\nus.icr.io/a/b:2\n")
        #expect(shown(content) == ["docker.io/library/nginx:1", "us.icr.io/a/b:2"])
        guard case .references(let references) = content else { return }
        #expect(references.map(\.place) == ["in-use.txt:3", "in-use.txt:5"])
    }

    @Test(arguments: [
        ("a b", "in-use.txt:1 is not a reference: a reference has no white space, control characters, '%' or '\\'"),
        ("nginx:1\nhttps://us.icr.io/a/b:1", "in-use.txt:2 is not a reference: drop the scheme 'https://'"),
        ("nginx@sha256:abc", "in-use.txt:1 is not a reference: a sha256 digest has 64 hex digits, not 3"),
        ("sha256:abc", "in-use.txt:1 is not a reference: a sha256 digest has 64 hex digits, not 3"),
        ("us.icr.io/Pay/api:1", "in-use.txt:1 is not a reference: a repository must be lower case"),
        ("us.icr.io/pay/api:-1", "in-use.txt:1 is not a reference: a tag may not begin with '.' or '-'"),
        ("./mirror/app:1", "in-use.txt:1 is not a reference: a host name has letters, digits and '-' between single dots"),
    ])
    func `a line that is no reference makes the list unusable, and is named`(text: String, problem: String) {
        #expect(lines(text) == .unusable([problem]))
    }

    @Test func `every mistake is named`() {
        #expect(shown(lines("nginx\na b\nnginx:\nc d")).map { $0.prefix(12) } == ["in-use.txt:2", "in-use.txt:3", "in-use.txt:4"])
    }

    @Test func `bytes that are no text are a mistake`() {
        let content = InUseParser.content(of: [0x6e, 0x0a, 0xff, 0xfe], as: .references, name: "in-use.txt")
        #expect(content == .unusable(["in-use.txt:2 is not text in UTF-8"]))
    }

    @Test(arguments: ["", "\n\n", "# nothing runs\n"]) func `a list without a reference is unusable`(text: String) {
        #expect(lines(text) == .unusable(["in-use.txt names no image"]))
    }

    // MARK: Kubernetes

    @Test func `a pod uses the images of its containers, of those before and beside them, of volumes, and what was pulled`() {
        let pod = """
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop"},
             "spec": {
               "initContainers": [{"name": "i", "image": "us.icr.io/a/init:1"}],
               "containers": [{"name": "c", "image": "private.us.icr.io/a/web:1"}, {"name": "d"}],
               "ephemeralContainers": [{"name": "e", "image": "busybox"}],
               "volumes": [{"name": "v", "image": {"reference": "us.icr.io/a/data:1"}}, {"name": "w", "emptyDir": {}}]
             },
             "status": {
               "initContainerStatuses": [{"name": "i", "imageID": "us.icr.io/a/init@sha256:\(hex)"}],
               "containerStatuses": [
                 {"name": "c", "imageID": "docker-pullable://private.us.icr.io/a/web@sha256:\(otherHex)"}, {"name": "d", "imageID": ""}
               ],
               "ephemeralContainerStatuses": [{"name": "e", "imageID": "docker://sha256:\(hex)"}]
             }}
            """
        let content = kubernetes(pod)
        #expect(
            shown(content) == [
                "us.icr.io/a/init:1", "us.icr.io/a/web:1", "docker.io/library/busybox:latest", "us.icr.io/a/data:1",
                "us.icr.io/a/init@sha256:ab", "us.icr.io/a/web@sha256:cd", "@sha256:ab",
            ]
        )
        guard case .references(let references) = content else { return }
        #expect(Set(references.map(\.place)) == ["w.json (Pod shop/web-1)"])
    }

    @Test(arguments: ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"])
    func `what has a template for pods uses its images`(kind: String) {
        let object = """
            {"kind": "\(kind)", "metadata": {"name": "api", "namespace": "shop"}, "spec": {"replicas": 0, "template": {"spec": {
              "initContainers": [{"image": "us.icr.io/a/init:1"}], "containers": [{"image": "us.icr.io/a/api:1"}]}}},
             "status": {"observedGeneration": 3}}
            """
        #expect(shown(kubernetes(object)) == ["us.icr.io/a/init:1", "us.icr.io/a/api:1"])
    }

    private static let cronJob = """
        {"kind": "CronJob", "metadata": {"name": "nightly"}, "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {
          "spec": {"containers": [{"image": "us.icr.io/a/nightly:1"}]}}}}}, "status": {}}
        """

    @Test func `a cron job uses the images of its template's template`() {
        #expect(shown(kubernetes(Self.cronJob)) == ["us.icr.io/a/nightly:1"])
    }

    @Test func `a list holds objects of many kinds, and those that run nothing are passed over`() {
        let list = """
            {"kind": "List", "items": [
              \(Self.cronJob),
              {"kind": "Service", "metadata": {"name": "s"}, "spec": {"template": "x", "containers": 3}, "status": "odd"},
              {"kind": "List", "items": [{"kind": "Pod", "spec": {"containers": [{"image": "nginx:1"}]}}]}
            ]}
            """
        #expect(shown(kubernetes(list)) == ["us.icr.io/a/nightly:1", "docker.io/library/nginx:1"])
    }

    @Test func `the items of a typed list are of its kind`() {
        let content = kubernetes(
            #"{"kind": "PodList", "items": [{"metadata": {"name": "p"}, "spec": {"containers": [{"image": "nginx:1"}]}}]}"#
        )
        guard case .references(let references) = content else {
            Issue.record("\(content)")
            return
        }
        #expect(references.map(\.place) == ["w.json (Pod p)"])
    }

    @Test(arguments: [
        "", "nginx:1\n", "[]", "{", "null", #"{"items": 3}"#, #"{"kind": "Pod", "spec": {"containers": "x"}}"#,
        #"{"kind": "Deployment", "spec": {"template": []}}"#,
    ])
    func `what kubectl does not write is unusable`(text: String) {
        #expect(kubernetes(text) == .unusable(["w.json is not what 'kubectl get … -o json' writes"]))
    }

    @Test func `an object that names neither a kind nor items is unusable`() {
        let problem = "w.json is not what 'kubectl get … -o json' writes: it has neither a kind nor items"
        #expect(kubernetes("{}") == .unusable([problem]))
    }

    @Test(arguments: [#"{"kind": "List", "items": []}"#, #"{"kind": "Pod"}"#, #"{"kind": "Status", "status": "Failure"}"#])
    func `a list without an image is unusable`(text: String) {
        #expect(kubernetes(text) == .unusable(["w.json names no image"]))
    }

    @Test func `an image that is no reference makes the list unusable, and says whose it is`() {
        let pod = #"{"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"image": "a b"}]}}"#
        let problem =
            "w.json (Pod p) names 'a b', which is not a reference: a reference has no white space, control characters, '%' or '\\'"
        #expect(kubernetes(pod) == .unusable([problem]))
    }

    // MARK: Declared

    @Test func `any file adds lists, with paths from where it stands`() {
        let result = readWorkspace(
            spec("policy: {inUse: [{file: lists/a.txt, maxAge: 90m}]}\n"),
            [("team/x.yaml", spec("policy: {inUse: [{kubernetes: ../w.json}, {file: /abs/b.txt}]}\n"))]
        )
        #expect(result.lines == [])
        #expect(result.desired.unavailable.isEmpty)
        let lists = result.policy.inUse.lists
        #expect(lists.map(\.path) == ["./lists/a.txt", "./w.json", "/abs/b.txt"])
        #expect(lists.map(\.name) == ["lists/a.txt", "w.json", "/abs/b.txt"])
        #expect(lists.map(\.maxAge) == [5400, nil, nil])
        #expect(lists.map(\.kind) == [.references, .kubernetes, .references])
        #expect(lists.map(\.origin.description) == ["crplan.yaml:2", "team/x.yaml:2", "team/x.yaml:2"])
        #expect(lists.allSatisfy { $0.content == .unread })
    }

    @Test func `an entry names one file`() {
        #expect(!read(spec("policy: {inUse: [{file: a, kubernetes: b}]}\n")).lines.isEmpty)
        #expect(!read(spec("policy: {inUse: [{maxAge: 1h}]}\n")).lines.isEmpty)
        #expect(!read(spec("policy: {inUse: [{file: a, maxAge: 1}]}\n")).lines.isEmpty)
    }
}
