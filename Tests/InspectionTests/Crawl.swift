import Inspection
import OCI
import Planning
import Registry
import RegistryTestSupport

/// A planner in small: it wants every tag, its manifest and its config, of some repositories.
struct Crawl {
    var repositories: [RepositoryAddress]

    func step(_ facts: Facts) -> InspectionStep<[String]> {
        var needs = QuestionSet()
        var lines: [String] = []
        func ask(_ question: Question) -> Fact? {
            switch facts[question] {
            case .found(let fact): return fact
            case .absent: lines.append("\(question): absent")
            case .unreadable(let error): lines.append("\(question): \(error.code)")
            case nil: needs.insert(question)
            }
            return nil
        }
        for address in repositories {
            guard case .tags(let tags)? = ask(.tags(address)) else { continue }
            for tag in tags {
                guard case .head(let head)? = ask(.head(address, .tag(tag))) else { continue }
                guard case .manifest(let document)? = ask(.manifest(address, head.digest)) else { continue }
                guard let config = document.image?.config, case .config(let found)? = ask(.config(address, config)) else { continue }
                lines.append("\(address):\(tag) \(head.digest) \(found)")
            }
        }
        return needs.isEmpty ? .result(lines) : .needs(needs)
    }
}

struct NoContents: ContentSource {
    var inspection: @Sendable (ContentLocation) throws(RegistryError) -> ContentInspection = { location throws(RegistryError) in
        throw RegistryError(.notFound, action: "read", object: location.path, reason: "there is no such file")
    }

    func inspect(_ location: ContentLocation) async throws(RegistryError) -> ContentInspection { try inspection(location) }

    func open(_ location: ContentLocation) async throws(RegistryError) -> any ContentReader {
        throw RegistryError(.unsupported, action: "open", object: location.path, reason: "not in this test")
    }
}
