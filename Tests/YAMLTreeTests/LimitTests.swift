import Testing
import YAMLTree

@Suite struct LimitTests {
    @Test("A small file that unfolds into billions of values is refused") func aliasBomb() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        let outline = Outline(text)
        #expect(outline.mistakes == ["7:10 yaml-limit the file holds more than 1000000 values once aliases are expanded"])
        #expect(outline.documents == [])
    }

    @Test("Merge keys count what they merge") func mergeBomb() {
        var text = "- &a0 {" + (0..<99).map { "k\($0): 1" }.joined(separator: ", ") + "}\n"
        for level in 1...5 {
            text += "- &a\(level) {<<: [" + Array(repeating: "*a\(level - 1)", count: 99).joined(separator: ", ") + "]}\n"
        }
        #expect(Outline(text).mistakes.map { $0.split(separator: " ")[1] } == ["yaml-limit"])
    }

    @Test("Depth is limited, through aliases too") func depth() {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(Outline(nested(64)).mistakes == [])
        #expect(Outline(nested(65)).mistakes == ["1:65 yaml-limit lists and mappings are nested more than 64 deep"])
        #expect(
            Outline(String(repeating: "[", count: 1_000_000)).mistakes == [
                "1:65 yaml-limit lists and mappings are nested more than 64 deep"
            ]
        )
        #expect(
            Outline(String(repeating: "- ", count: 100_000)).mistakes == [
                "1:129 yaml-limit lists and mappings are nested more than 64 deep"
            ]
        )
        let chained = (1...70).map { "- &a\($0) [*a\($0 - 1)]\n" }.joined()
        #expect(Outline("- &a0 x\n" + chained).mistakes == ["65:9 yaml-limit lists and mappings are nested more than 64 deep"])
    }

    @Test("Each limit has its own message") func smallLimits() {
        #expect(
            Outline("[1, 2, 3]", limits: YAMLLimits(nodes: 3)).mistakes == [
                "1:8 yaml-limit the file holds more than 3 values once aliases are expanded"
            ]
        )
        #expect(Outline("[1, 2]", limits: YAMLLimits(nodes: 3)).mistakes == [])
        #expect(Outline("---\n---\n---\n", limits: YAMLLimits(nodes: 2)).mistakes.count == 1)
        #expect(Outline("abcdef", limits: YAMLLimits(fileBytes: 5)).mistakes == ["1:1 yaml-limit the file is larger than 5 bytes"])
        #expect(Outline("abcde", limits: YAMLLimits(fileBytes: 5)).mistakes == [])
        let oversized = [UInt8](repeating: 0x61, count: 16 * 1024 * 1024 + 1)
        #expect(Outline(bytes: oversized).mistakes == ["1:1 yaml-limit the file is larger than 16 MiB"])
    }

    @Test("Thousands of mistakes end the reading after the hundredth") func manyMistakes() {
        let outline = Outline(String(repeating: "- !foo\n", count: 10_000))
        #expect(outline.mistakes.count == 101)
        #expect(outline.mistakes.contains("100:3 yaml-limit there are more mistakes; the rest of the file was not read"))
    }

    @Test("Many %TAG lines, which libyaml reads in quadratic time, are refused") func tagDirectives() {
        let text = (0..<100_000).map { "%TAG !t\($0)! x\n" }.joined() + "---\na: 1\n"
        #expect(Outline(text).mistakes == ["1:1 yaml-limit the file has more than 64 %TAG lines"])
    }
}
