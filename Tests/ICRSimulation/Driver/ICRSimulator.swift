internal import FoundationEssentials
package import NIOSSL
package import RegistryTestSupport
internal import Synchronization

/// A simulator of IBM Cloud Container Registry on loopback: an account with several registries, each with its public, its private and its
/// CDN's address on ports of their own, and IAM. Names in requests keep the public host. `ICRAccount` is what it does; this is how it is
/// reached.
package final class ICRSimulator: Sendable {
    package struct Options: Sendable {
        package var hosts: [String]
        package var account: String
        /// Of a service ID that is Manager of the whole account.
        package var apiKey: String
        package var tls: NIOSSLContext?

        package init(
            hosts: [String] = ["us.icr.io"],
            account: String = "0123456789abcdef0123456789abcdef",
            apiKey: String = "simulator-key",
            tls: NIOSSLContext? = nil
        ) {
            self.hosts = hosts
            self.account = account
            self.apiKey = apiKey
            self.tls = tls
        }
    }

    /// What is behind a port.
    package enum Place: Hashable, Sendable {
        /// Content, management and IAM, over the public network.
        case open(String)
        /// Content alone, over the private one.
        case closed(String)
        /// Where blobs are redirected to.
        case cdn(String)
        case iam, control

        var host: String? {
            switch self {
            case .open(let host), .closed(let host), .cdn(let host): host
            case .iam, .control: nil
            }
        }

        var name: String {
            switch self {
            case .open: "public"
            case .closed: "private"
            case .cdn: "cdn"
            case .iam: "iam"
            case .control: "control"
            }
        }
    }

    /// A request as it came, and what was answered. No secret stands in it.
    package struct Logged: Sendable {
        package var place: Place
        package var request: LoopbackRequest
        package var body: [UInt8]
        /// Nil: the connection was closed without an answer.
        package var status: Int?

        /// `POST /api/v1/images/digests`.
        package var line: String { "\(request.method) \(request.target)" }
    }

    struct State: Sendable {
        var account: ICRAccount
        /// Nil: the system's clock.
        var frozenAt: Double?
        var count = 0
        var log: [Logged] = []
        /// Of the requests under way, by number.
        var bodies: [Int: [UInt8]] = [:]
        var faults: [SimulatedFault] = []
    }

    package let options: Options
    package let ports: [Place: Int]
    let state: Mutex<State>
    private let content = Mutex<[String: DistributionService]>([:])

    fileprivate init(_ options: Options, ports: [Place: Int]) {
        self.options = options
        self.ports = ports
        var account = ICRAccount(id: options.account, hosts: options.hosts)
        let manager = ICRIdentity(id: "iam-ServiceId-1", account: options.account, apiKeys: [options.apiKey], grants: [ICRGrant(.manager)])
        account.identities[manager.id] = manager
        state = Mutex(State(account: account))
        content.withLock { content in
            for host in options.hosts {
                content[host] = DistributionService(registry: SimulatedStore(simulator: self, host: host), pageSize: .max)
            }
        }
    }

    func service(of host: String) -> DistributionService? { content.withLock { $0[host] } }

    package func url(_ place: Place) -> String { "\(options.tls == nil ? "http" : "https")://127.0.0.1:\(ports[place] ?? 0)" }

    // MARK: For tests

    /// Changes or reads the account as it stands now.
    @discardableResult
    package func update<Result: Sendable>(_ change: (inout ICRAccount, _ now: Double) throws -> Result) rethrows -> Result {
        try state.withLock { state in
            let now = state.now
            state.account.advance(to: now)
            return try change(&state.account, now)
        }
    }

    /// From here on the clock stands still, until it is set again.
    package func setClock(_ seconds: Double) { state.withLock { $0.frozenAt = seconds } }
    package func advanceClock(by seconds: Double) { state.withLock { $0.frozenAt = $0.now + seconds } }

    package func fail(_ fault: SimulatedFault) { state.withLock { $0.faults.append(fault) } }

    /// All requests but those to the control address.
    package var log: [Logged] { state.withLock { $0.log } }
    package func forgetLog() { state.withLock { $0.log = [] } }
    /// To the management API, `METHOD target`.
    package var managementLines: [String] { log.filter { $0.request.path.hasPrefix("/api/") }.map(\.line) }
}

extension ICRSimulator.State {
    var now: Double { frozenAt ?? Date().timeIntervalSince1970 }
}

/// Serves on free ports while `body` runs.
package func withICRSimulator<Result: Sendable>(
    _ options: ICRSimulator.Options = ICRSimulator.Options(),
    _ body: @escaping @Sendable (ICRSimulator) async throws -> Result
) async throws -> Result {
    let places: [ICRSimulator.Place] = options.hosts.flatMap { [.open($0), .closed($0), .cdn($0)] } + [.iam, .control]
    return try await withLoopbackListeners(places.count, options.tls) { ports in
        let simulator = ICRSimulator(options, ports: Dictionary(zip(places, ports)) { first, _ in first })
        return (places.map { SimulatedService(simulator: simulator, place: $0) }, simulator)
    } body: { simulator in
        try await body(simulator)
    }
}
