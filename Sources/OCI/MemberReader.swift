/// Why a JSON value is not what it should be: where, and a clause.
struct MemberProblem: Error, CustomStringConvertible {
    static let wrongType = MemberProblem("a value has the wrong type")

    /// Names and positions, the outermost first.
    private var path: [String] = []
    private let reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    func within(_ name: String) -> MemberProblem {
        var result = self
        result.path.insert(name, at: 0)
        return result
    }

    var description: String { path.isEmpty ? reason : "\(path.joined(separator: ".").withVisibleControls): \(reason)" }
}

/// Reads the members of an object by name; others are passed over.
struct MemberReader {
    private let members: [String: JSONValue]

    init(_ value: JSONValue) throws(MemberProblem) {
        guard case .object(let members) = value else { throw .wrongType }
        self.members = members
    }

    func required<Value>(
        _ name: String,
        _ read: (JSONValue) throws(MemberProblem) -> Value
    ) throws(MemberProblem) -> Value {
        guard let value = members[name] else { throw MemberProblem("'\(name)' is missing") }
        do throws(MemberProblem) { return try read(value) } catch { throw error.within(name) }
    }

    /// `nil`: it is missing, or null.
    func optional<Value>(
        _ name: String,
        _ read: (JSONValue) throws(MemberProblem) -> Value
    ) throws(MemberProblem) -> Value? {
        guard let value = members[name], value != .null else { return nil }
        do throws(MemberProblem) { return try read(value) } catch { throw error.within(name) }
    }

    // MARK: Values

    static func text(_ value: JSONValue) throws(MemberProblem) -> String {
        guard case .string(let text) = value else { throw .wrongType }
        return text
    }

    static func integer(_ value: JSONValue) throws(MemberProblem) -> Int64 {
        switch value {
        case .integer(let number): return number
        case .number: throw MemberProblem("a number is too large or not whole")
        default: throw .wrongType
        }
    }

    static func list<Item>(
        _ value: JSONValue,
        _ read: (JSONValue) throws(MemberProblem) -> Item
    ) throws(MemberProblem) -> [Item] {
        guard case .array(let values) = value else { throw .wrongType }
        var items: [Item] = []
        items.reserveCapacity(values.count)
        for (position, value) in values.enumerated() {
            do throws(MemberProblem) { items.append(try read(value)) } catch { throw error.within(String(position)) }
        }
        return items
    }

    static func texts(_ value: JSONValue) throws(MemberProblem) -> [String: String] {
        guard case .object(let members) = value else { throw .wrongType }
        var texts = [String: String](minimumCapacity: members.count)
        for (name, value) in members { texts[name] = value.string }
        guard texts.count == members.count else {
            // Of several wrong values always the same is named.
            throw MemberProblem.wrongType.within(members.keys.filter { texts[$0] == nil }.min() ?? "")
        }
        return texts
    }
}

extension Digest {
    init(_ value: JSONValue) throws(MemberProblem) {
        let text = try MemberReader.text(value)
        do throws(Invalid) { try self.init(text) } catch { throw MemberProblem(error.description) }
    }
}
