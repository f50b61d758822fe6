internal import OCI
package import Planning

/// What the bytes of a list of what is in use say. Nothing is read here.
package enum InUseParser {
    /// A list with a mistake in it tells nothing, and neither does one without a reference: what it leaves out may run.
    package static func content(of bytes: [UInt8], as kind: InUseList.Kind, name: String) -> InUseList.Content {
        var findings = InUseFindings()
        switch kind {
        case .references: readLines(of: bytes, name: name, into: &findings)
        case .kubernetes: KubernetesWorkloads.read(bytes, name: name, into: &findings)
        }
        if !findings.problems.isEmpty { return .unusable(findings.problems) }
        guard !findings.references.isEmpty else { return .unusable(["\(name) names no image"]) }
        return .references(findings.references)
    }

    private static func readLines(of bytes: [UInt8], name: String, into findings: inout InUseFindings) {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let text = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let reference = trimmed(withoutComment(line))
            guard !reference.isEmpty else { continue }
            let place = "\(name):\(number + 1)"
            guard let text = String(validating: reference, as: UTF8.self) else {
                findings.problems.append("\(place) is not text in UTF-8")
                continue
            }
            do throws(InvalidName) {
                findings.references.append(try InUseNames.reference(text, at: place))
            } catch {
                findings.problems.append("\(place) is not a reference: \(error.description)")
            }
        }
    }

    /// No reference has a `#`; one with no white space before it is a mistake and no comment.
    private static func withoutComment(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let comment = line.indices.first { place in
            line[place] == UInt8(ascii: "#") && (place == line.startIndex || isSpace(line[place - 1]))
        }
        return line[..<(comment ?? line.endIndex)]
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = line.firstIndex(where: { !isSpace($0) }), let last = line.lastIndex(where: { !isSpace($0) }) else { return [] }
        return line[first...last]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}

/// What was found in a list.
struct InUseFindings {
    var references: [InUseReference] = []
    /// Each is a clause that names the place.
    var problems: [String] = []
}
