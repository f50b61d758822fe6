import Diagnostics
import RegistryTestSupport
import Testing
import YAMLTree

@Suite struct MutationTests {
    private static let sample = """
        %YAML 1.2
        ---
        apiVersion: crplan/v1
        registries: &registries
          us: {host: us.icr.io, "private": true}   # ü🚀
          lab:
            host: 'registry.lab.example:5000'
            limits: &limits {connections: 16, requestsPerSecond: !!int "50"}
        images:
          - to: [us/a, lab/b]
            tags: [1.10, 010, "${release}", ~]
            note: |
              literal \\ text
            fold: >-
              folded
          - {<<: *limits, *limits : x, ? k : v}
        ---
        - "\\u00e9\\x41"
        ...
        """

    @Test("Whatever the bytes, parsing ends, and each mistake has a place within the file", arguments: [1, 2, 3, 4] as [UInt64])
    func mutations(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let marks = Array("\t\r\n\0 :-?[]{},&*!|>'\"%@`#<~\u{2028}\u{feff}".utf8) + [0xff, 0xc3, 0xf0]
        for _ in 0..<2_000 {
            var bytes = Array(Self.sample.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let mark = marks.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes[place] = mark
                case 2: bytes.insert(mark, at: place)
                case 3: bytes.removeSubrange(place..<min(bytes.count - 1, place + 9))
                default:
                    bytes.insert(
                        contentsOf: bytes[place..<min(bytes.count, place + 40)],
                        at: Int.random(in: 0..<bytes.count, using: &generator)
                    )
                }
            }
            try check(bytes)
        }
    }

    @Test("A file may end anywhere") func truncations() throws {
        let bytes = Array(Self.sample.utf8)
        for length in 0...bytes.count { try check(Array(bytes[..<length])) }
    }

    private func check(_ bytes: [UInt8]) throws {
        let result = YAMLParser.parse(bytes, file: "spec.yaml")
        let lines = bytes.count { $0 == 0x0a } + 1
        for diagnostic in result.diagnostics {
            let range = try #require(diagnostic.range)
            try #require(1...lines ~= range.start.line && range.start.column >= 1 && range.start <= range.end, "\(diagnostic)")
            try #require(!diagnostic.message.hasPrefix("this is not valid YAML"), "\(diagnostic)")
            try #require(diagnostic.help != nil)
        }
    }
}
