extension StringProtocol {
    /// The text with control characters, line separators and direction marks spelled out, so that nothing a registry or file says
    /// can move the cursor, hide text or begin a line of its own.
    package var withVisibleControls: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x00...0x1f, 0x7f...0x9f, 0x061c, 0x200b...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
