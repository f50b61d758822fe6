extension StringProtocol {
    /// The text with control characters, line separators, direction marks and all that is invisible spelled out, so that nothing a registry or
    /// file says can move the cursor, hide text or begin a line of its own.
    package var withVisibleControls: String {
        var result = ""
        for scalar in unicodeScalars {
            if (0x20...0x7e).contains(scalar.value) {
                result.unicodeScalars.append(scalar)
                continue
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
