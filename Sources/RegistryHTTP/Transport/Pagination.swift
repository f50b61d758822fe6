/// Walks the pages of a list: follows `Link` (RFC 8288) on the same host, and stops with an error when pages go in circles.
struct Pagination: Sendable {
    enum Step: Hashable, Sendable {
        case next(WebAddress)
        case end
        case broken(String)
    }

    /// More pages than any list of tags has; a registry that goes on and on must not keep us for ever.
    static let mostPages = 10_000

    private let origin: WebAddress.Origin
    private var visited: Set<WebAddress>

    init(first: WebAddress) {
        origin = first.origin
        visited = [first]
    }

    /// `newItems`: how many entries the page had that no page before had. `lastPage` is the page's own address.
    mutating func step(after page: WebAddress, links: [String], newItems: Int) -> Step {
        guard let reference = Self.next(in: links) else { return .end }
        let address: WebAddress
        do throws(WebAddress.Invalid) {
            address = try page.resolving(reference)
        } catch {
            return .broken("the link to the next page is not valid: \(error.description)")
        }
        guard address.origin == origin else { return .broken("the link to the next page leads to another host, \(address.authority)") }
        // Distribution links to one page more, which is empty; that page has no link.
        guard visited.insert(address).inserted, newItems > 0 else { return .broken("the pages go in circles (pagination loop)") }
        guard visited.count <= Self.mostPages else { return .broken("the list has more than \(Self.mostPages) pages") }
        return .next(address)
    }

    /// The target of the first link with the relation `next`.
    static func next(in fields: [String]) -> String? {
        for field in fields {
            for link in links(in: field) where link.relations.contains("next") { return link.target }
        }
        return nil
    }

    private struct Link {
        var target: String
        var relations: [String]
    }

    private static func links(in field: String) -> [Link] {
        var scanner = HeaderScanner(field)
        var result: [Link] = []
        while !scanner.isAtEnd {
            scanner.skip { $0 == "," || $0.isWhitespace }
            guard scanner.take("<") else { break }
            let target = scanner.text { $0 != ">" }
            guard scanner.take(">") else { break }
            var relations: [String] = []
            while true {
                scanner.skip(while: \.isWhitespace)
                guard scanner.take(";") else { break }
                scanner.skip(while: \.isWhitespace)
                let name = scanner.text { $0 != "=" && $0 != ";" && $0 != "," && !$0.isWhitespace }.lowercased()
                scanner.skip(while: \.isWhitespace)
                guard scanner.take("=") else { continue }
                scanner.skip(while: \.isWhitespace)
                let value = scanner.quoted() ?? scanner.text { $0 != ";" && $0 != "," && !$0.isWhitespace }
                if name == "rel", relations.isEmpty { relations = value.lowercased().split(separator: " ").map(String.init) }
            }
            result.append(Link(target: target, relations: relations))
            scanner.skip { $0 != "," }
        }
        return result
    }
}
