internal import FoundationEssentials
internal import OCI
internal import Planning

/// What `kubectl get … -o json` wrote: one object, or a list of them, and in each the images of its pods.
enum KubernetesWorkloads {
    static func read(_ bytes: [UInt8], name: String, into findings: inout InUseFindings) {
        let object: KubernetesObject
        do {
            object = try JSONDecoder().decode(KubernetesObject.self, from: Data(bytes))
        } catch {
            findings.problems.append("\(name) is not what 'kubectl get … -o json' writes")
            return
        }
        guard object.kind != nil || object.items != nil else {
            findings.problems.append("\(name) is not what 'kubectl get … -o json' writes: it has neither a kind nor items")
            return
        }
        read(object, in: name, kind: object.kind, into: &findings)
    }

    private static func read(_ object: KubernetesObject, in name: String, kind: String?, into findings: inout InUseFindings) {
        // The API's own lists say only of themselves what they hold: a PodList holds pods.
        let itemKind = kind.flatMap { $0.hasSuffix("List") ? String($0.dropLast("List".count)) : nil }
        for item in object.items ?? [] { read(item, in: name, kind: item.kind ?? itemKind, into: &findings) }
        let names = [object.metadata?.namespace, object.metadata?.name].compactMap(\.self).joined(separator: "/")
        let place = "\(name) (\(kind.flatMap { $0.isEmpty ? nil : $0 } ?? "object")\(names.isEmpty ? "" : " \(names)"))"
        for image in object.images {
            do throws(InvalidName) {
                findings.references.append(try InUseNames.reference(image, at: place))
            } catch {
                findings.problems.append("\(place) names '\(image.prefix(200))', which is not a reference: \(error.description)")
            }
        }
    }
}

/// The members of a Kubernetes object that name images. Objects of other kinds than workloads have none, whatever they hold.
private struct KubernetesObject: Decodable {
    struct Metadata: Decodable {
        var name: String?
        var namespace: String?
    }

    /// Of a pod, or of what has a template for pods.
    struct Spec: Decodable {
        struct Container: Decodable { var image: String? }
        struct Volume: Decodable {
            struct Image: Decodable { var reference: String? }
            var image: Image?
        }
        struct PodTemplate: Decodable { var spec: Pod? }
        struct Pod: Decodable {
            var containers: [Container]?
            var initContainers: [Container]?
            var ephemeralContainers: [Container]?
            var volumes: [Volume]?

            var images: [String] {
                let all = (initContainers ?? []) + (containers ?? []) + (ephemeralContainers ?? [])
                return all.compactMap(\.image) + (volumes ?? []).compactMap { $0.image?.reference }
            }
        }
        struct Job: Decodable { var template: PodTemplate? }
        struct JobTemplate: Decodable { var spec: Job? }

        var pod: Pod
        var template: PodTemplate?
        var jobTemplate: JobTemplate?

        private enum CodingKeys: String, CodingKey { case template, jobTemplate }

        init(from decoder: any Decoder) throws {
            pod = try Pod(from: decoder)
            let container = try decoder.container(keyedBy: CodingKeys.self)
            template = try container.decodeIfPresent(PodTemplate.self, forKey: .template)
            jobTemplate = try container.decodeIfPresent(JobTemplate.self, forKey: .jobTemplate)
        }

        var images: [String] {
            let templates = [pod, template?.spec, jobTemplate?.spec?.template?.spec]
            return templates.compactMap(\.self).flatMap(\.images)
        }
    }

    struct Status: Decodable {
        struct Container: Decodable { var imageID: String? }

        var initContainerStatuses: [Container]?
        var containerStatuses: [Container]?
        var ephemeralContainerStatuses: [Container]?

        /// What the runtime pulled; empty until it has.
        var imageIDs: [String] {
            [initContainerStatuses, containerStatuses, ephemeralContainerStatuses].flatMap { $0 ?? [] }.compactMap(\.imageID)
        }
    }

    /// The kinds that run pods.
    private static let workloads: Set<String> = [
        "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob",
    ]

    var kind: String?
    var metadata: Metadata?
    var items: [KubernetesObject]?
    /// As written: from the specification first, then what runs.
    var images: [String] = []

    private enum CodingKeys: String, CodingKey { case kind, metadata, items, spec, status }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decodeIfPresent(String.self, forKey: .kind)
        metadata = try container.decodeIfPresent(Metadata.self, forKey: .metadata)
        items = try container.decodeIfPresent([KubernetesObject].self, forKey: .items)
        // Members of the same names mean something else in other kinds.
        guard kind.map(Self.workloads.contains) ?? true else { return }
        let spec = try container.decodeIfPresent(Spec.self, forKey: .spec)
        images = spec?.images ?? []
        if kind == nil || kind == "Pod" {
            images += try container.decodeIfPresent(Status.self, forKey: .status)?.imageIDs ?? []
        }
        images.removeAll(where: \.isEmpty)
    }
}
