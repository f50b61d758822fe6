/// Whether text carries colours. Only the caller knows where it goes, so nothing is coloured unless asked for.
package enum Styling: Hashable, Sendable {
    case plain, coloured

    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
    }

    func paint(_ text: String, _ colour: Colour?) -> String {
        guard self == .coloured, let colour, !text.isEmpty else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }
}
