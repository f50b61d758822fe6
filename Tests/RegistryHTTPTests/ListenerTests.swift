import Glibc
import RegistryTestSupport
import Testing

@Suite struct ListenerTests {
    @Test func aListenerThatStopsWhileClientsConnectEndsInGoodOrder() async throws {
        for round in 0..<300 {
            try await withCountingProxy(to: 9) { proxy in
                let clients = (0..<round % 8 + 1).map { _ in connection(to: proxy.port) }
                for client in clients { close(client) }
            }
        }
    }

    private func connection(to port: Int) -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        return client
    }
}
