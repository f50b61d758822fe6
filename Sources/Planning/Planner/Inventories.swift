internal import Diagnostics
internal import OCI

/// The namespaces that the specs write or remove something in. Where a registry lists a whole namespace at once, that list answers what
/// would else be asked tag by tag. What is only read from is not listed: it may belong to another account.
struct WrittenNamespaces {
    private struct Namespace: Hashable {
        var registry: RegistryID
        var name: String
    }

    private var named: Set<Namespace> = []
    /// Registries of which an entry names patterns that may be any namespace.
    private var open: Set<RegistryID> = []
    private var isOpen = false

    init(_ desired: DesiredState) {
        for entry in desired.images { for target in entry.targets { add(target) } }
        for entry in desired.copies {
            switch entry.scope {
            case .repository(_, let targets): for target in targets { add(target) }
            case .repositories(_, _, let targets):
                for target in targets {
                    if let path = target.path { add(target.registry, path.namespace) } else { open.insert(target.registry) }
                }
            }
        }
        for entry in desired.moves {
            add(entry.from)
            add(entry.to)
        }
        for scope in desired.absences.flatMap(\.scopes) + desired.prunes.flatMap(\.scopes) {
            if let address = scope.literal {
                add(address)
            } else if let registry = scope.registry {
                open.insert(registry)
            } else {
                isOpen = true
            }
        }
        for entry in desired.namespaces { for registry in entry.registries { add(registry, entry.name) } }
        for entry in desired.namespaceAbsences { for registry in entry.registries { add(registry, entry.name) } }
    }

    /// Whether the specs name it, as far as they name namespaces.
    func contain(_ name: String, on registry: RegistryID) -> Bool { named.contains(Namespace(registry: registry, name: name)) }

    /// Whether it may be any namespace of the account.
    func areOpen(on registry: RegistryID) -> Bool { isOpen || open.contains(registry) }

    private mutating func add(_ address: RepositoryAddress) { add(address.registry, address.repository.namespace) }
    private mutating func add(_ registry: RegistryID, _ name: String) { named.insert(Namespace(registry: registry, name: name)) }
}

/// Answers from the inventories of whole namespaces.
extension PlanningRun {
    enum Listed {
        /// The question has to be asked by itself.
        case no
        /// A list is open.
        case waiting
        case answer(Answer)
    }

    /// What the list of a namespace says about one repository of it.
    enum RepositoryList {
        /// It is not listed, or must not be; what is asked about it has to be asked by itself.
        case none
        case waiting
        case unreadable(RegistryError)
        case known(RepositoryInventory)
    }

    /// What the lists say about a question that is about content.
    mutating func listed(_ question: Question) -> Listed {
        guard hasInventories else { return .no }
        switch question {
        case .head(let address, let reference):
            return answer(of: list(of: address)) { list in
                guard let image = list.image(reference) else { return .absent }
                // Of an unknown type, a HEAD tells more.
                guard let mediaType = image.mediaType else { return nil }
                return .found(.head(ManifestHead(digest: image.digest, mediaType: mediaType, size: 0)))
            }
        case .tags(let address):
            return answer(of: list(of: address)) { $0.images.isEmpty ? .absent : .found(.tags($0.tags)) }
        case .digests(let address):
            return answer(of: list(of: address)) { .found(.digests($0.images.map(\.digest))) }
        case .repositories(let registry): return listedRepositories(of: registry)
        default: return .no
        }
    }

    /// Images of the repository that are known to lead nowhere.
    mutating func plainImages(in address: RepositoryAddress) -> Set<Digest> {
        guard case .known(let list) = list(of: address) else { return [] }
        return Set(list.images.filter { $0.isIndex == false }.map(\.digest))
    }

    private func answer(of list: RepositoryList, _ read: (RepositoryInventory) -> Answer?) -> Listed {
        switch list {
        case .none: .no
        case .waiting: .waiting
        case .unreadable(let error): .answer(.unreadable(error))
        case .known(let list): read(list).map(Listed.answer) ?? .no
        }
    }

    mutating func list(of address: RepositoryAddress) -> RepositoryList {
        guard hasInventories else { return .none }
        if let list = lists[address] { return list }
        let list = findList(of: address)
        lists[address] = list
        return list
    }

    private mutating func findList(of address: RepositoryAddress) -> RepositoryList {
        let (registry, name) = (address.registry, address.repository.namespace)
        guard kind(of: registry) == .icr else { return .none }
        if !written.contain(name, on: registry) {
            guard written.areOpen(on: registry) else { return .none }
            switch accountHas(name, registry) {
            case .waiting: return .waiting
            case .failed, .known(false): return .none
            case .known(true): break
            }
        }
        switch ask(.administration(registry, .inventory(of: name))) {
        case nil: return .waiting
        case .found(.administration(.inventory(let inventory)))?:
            if !inventory.repositories.isEmpty { return .known(inventory[address.repository]) }
            // Nothing may also be shown to a login that may not see the namespace.
            if desired.namespaces.contains(where: { $0.name == name && $0.registries.contains(registry) }) { return .known(.nothing) }
            switch accountHas(name, registry) {
            case .waiting: return .waiting
            case .known(true): return .known(.nothing)
            case .failed, .known(false): return .none
            }
        // Without a login for the management API, or with one that may not list, the content itself is asked.
        case .unreadable(let error)?:
            guard error.code == .denied else { return .unreadable(error) }
            diagnostics.insert(
                .note(
                    "not-listed",
                    "this login may not list \(registry)/\(name), so its tags are read one by one, and nothing can be deleted there",
                    help: "to list it, the login needs the role Reader there"
                )
            )
            return .none
        case .found?, .absent?: return .none
        }
    }

    private mutating func accountHas(_ name: String, _ registry: RegistryID) -> Lookup<Bool> {
        switch ask(.administration(registry, .namespaces)) {
        case nil: .waiting
        case .found(.administration(.namespaces(let list)))?: .known(list.contains { $0.name == name })
        default: .failed
        }
    }

    private mutating func listedRepositories(of registry: RegistryID) -> Listed {
        guard kind(of: registry) == .icr else { return .no }
        switch ask(.administration(registry, .namespaces)) {
        case nil: return .waiting
        case .found(.administration(.namespaces(let list)))?:
            var names: [RepositoryName] = []
            var isWaiting = false
            for namespace in list {
                switch ask(.administration(registry, .inventory(of: namespace.name))) {
                case nil: isWaiting = true
                case .found(.administration(.inventory(let inventory)))?: names += inventory.repositories.keys
                case .unreadable(let error)?: return .answer(.unreadable(error))
                case .found?, .absent?: return .no
                }
            }
            return isWaiting ? .waiting : .answer(.found(.repositories(names.sorted())))
        case .unreadable(let error)?: return .answer(.unreadable(error))
        case .found?, .absent?: return .no
        }
    }
}
