internal import OCI
internal import Planning

extension TextForm {
    private static func parsed(
        _ id: String,
        _ expectation: String,
        _ pattern: String?,
        example: String,
        _ parse: @escaping @Sendable (String) throws -> Void
    ) -> TextForm {
        TextForm(id: id, expectation: expectation, pattern: pattern, example: example) { text in
            do {
                try parse(text)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// Text that must consist of certain characters; `rule` says so in words.
    private static func spelled(
        _ id: String,
        _ expectation: String,
        _ pattern: String,
        example: String,
        rule: String,
        _ isValid: @escaping @Sendable (String) -> Bool
    ) -> TextForm {
        TextForm(id: id, expectation: expectation, pattern: pattern, example: example) { isValid($0) ? nil : rule }
    }

    static let tag = parsed("tag", "a tag", "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", example: "1.4.2") { _ = try TagName($0) }

    static let tagGlob = spelled(
        "tagGlob",
        "a pattern of tags",
        "^[A-Za-z0-9_.*-]+$",
        example: "1.*",
        rule: "a pattern of tags has only letters, digits, '_', '.', '-' and '*'"
    ) { $0.utf8.allSatisfy { Characters.isTagOrStar($0) } && !$0.isEmpty }

    static let repositoryGlob = spelled(
        "repositoryGlob",
        "a repository or a pattern of repositories",
        "^[a-z0-9._*-]+(/[a-z0-9._*-]+)*$",
        example: "library/nginx",
        rule: "a path has only a-z, 0-9, '.', '_', '-', '*' and single '/' between components"
    ) { Characters.isRepositoryGlob($0) }

    // The name rules proper need the registries; see `ReferenceRules`.
    static let source = reference(
        "source",
        "a reference",
        "^[^\\s%\\\\*]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha(256|512):[0-9a-f]+)$",
        example: "docker.io/library/nginx:1.27.4"
    )
    static let sourceRepository = reference("sourceRepository", "a repository", bare, example: "docker.io/library/nginx")
    static let target = reference("target", "a repository", bare, example: "docker.io/payments/api")
    static let registryName = reference("registryName", "a registry or group", "^[^\\s%\\\\@*/]+$", example: "docker.io")
    static let namespacePath = reference(
        "namespacePath",
        "a namespace with its registry",
        "^[^\\s%\\\\@*/]+(/[^\\s%\\\\@*/]+)?$",
        example: "docker.io/payments"
    )
    static let referencePattern = reference("pattern", "a pattern", notSpaced, example: "docker.io/payments/**:v*")
    static let repositoryPattern = reference(
        "repositoryPattern",
        "a pattern of repositories",
        "^[^\\s%\\\\@]+$",
        example: "docker.io/payments/**"
    )
    static let absence = reference(
        "absence",
        "a reference with a tag or digest",
        "^[^\\s%\\\\]+(:[A-Za-z0-9_.*-]+|@sha(256|512):[0-9a-f]+)$",
        example: "docker.io/payments/api:1.0.0"
    )
    static let imageName = reference("imageName", "the name of an image", notSpaced, example: "job:1")

    private static func reference(_ id: String, _ expectation: String, _ pattern: String, example: String) -> TextForm {
        spelled(id, expectation, pattern, example: example, rule: noSpaces) { Characters.isReference($0) }
    }

    private static let bare = "^[^\\s%\\\\@*]+$"
    private static let notSpaced = "^[^\\s%\\\\]+$"
    private static let noSpaces = "it has no white space, control characters, '%' or '\\'"

    static let platform = parsed(
        "platform",
        "a platform",
        "^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$",
        example: "linux/amd64"
    ) { _ = try Platform($0) }

    static let versionRange = parsed(
        "versionRange",
        "a version range",
        "^[<>=~^ ]*v?[0-9xX*][0-9A-Za-z<>=~^|.*+, -]*$",
        example: ">=1.4 <2"
    ) {
        _ = try VersionRange($0)
    }

    static let host = parsed(
        "host",
        "a host",
        "^[A-Za-z0-9.-]+(:[0-9]+)?$|^\\[[0-9A-Fa-f:.]+\\](:[0-9]+)?$",
        example: "registry.example.com"
    ) {
        _ = try RegistryID(host: $0)
    }

    static let path = spelled(
        "path",
        "a path",
        "^[^~\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$",
        example: "./dist/api.tar",
        rule: "a path is not empty, holds no control characters and does not begin with '~'"
    ) { text in
        !text.isEmpty && !text.hasPrefix("~") && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
    }

    static let alias = spelled(
        "alias",
        "an alias",
        "^(?!localhost$)[A-Za-z0-9_][A-Za-z0-9_-]*$",
        example: "hub",
        rule: "an alias has only letters, digits, '_' and '-', and is not 'localhost'"
    ) { text in
        text != "localhost" && !text.hasPrefix("-") && !text.isEmpty && text.utf8.allSatisfy { Characters.isWord($0) }
    }

    static let namespace = spelled(
        "namespaceName",
        "a namespace",
        "^[a-z0-9]+([._-]+[a-z0-9]+)*$",
        example: "payments",
        rule: "a namespace is one component of a path: a-z, 0-9, and single '.', '_' or '-' between them"
    ) { text in !text.contains("/") && (try? RepositoryName(text)) != nil }

    static let duration = spelled(
        "duration",
        "a duration",
        "^[1-9][0-9]{0,8}[smhdw]$",
        example: "30d",
        rule: "a duration is a whole number with s, m, h, d or w, such as 30d or 12h"
    ) { Quantities.seconds($0) != nil }

    static let size = spelled(
        "size",
        "a size",
        "^[0-9]{1,9}(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)$",
        example: "50GiB",
        rule: "a size is a whole number with B, KiB, MiB, GiB or TiB, such as 50GiB"
    ) { Quantities.bytes($0) != nil }

    static let percent = spelled(
        "percent",
        "a percentage",
        "^(100|[1-9]?[0-9])%$",
        example: "50%",
        rule: "a percentage is a whole number from 0 to 100 with '%'"
    ) { Quantities.percent($0) != nil }

    /// Not shown when wrong: what stands here by mistake may be the secret itself.
    static let environmentName: TextForm = {
        var form = spelled(
            "environmentName",
            "the name of an environment variable",
            "^[A-Za-z_][A-Za-z0-9_]*$",
            example: "CRPLAN_PASSWORD",
            rule: "the name of an environment variable has only letters, digits and '_'"
        ) { Characters.isName($0) }
        form.mayBeShown = false
        return form
    }()

    static let variableName = spelled(
        "variableName",
        "the name of a variable",
        "^[A-Za-z_][A-Za-z0-9_-]*$",
        example: "release",
        rule: "the name of a variable has only letters, digits, '_' and '-'"
    ) { VariableScope.isName($0) }

    /// Variables are put in when the file's variables are gathered.
    static let variableValue = anything("variableValue", example: "1.4.2").literal

    static let argument = anything("argument", example: "1")

    /// Text that may be empty too.
    private static func anything(_ id: String, example: String) -> TextForm {
        TextForm(id: id, expectation: "text", pattern: nil, example: example) { _ in nil }
    }

    /// Not shown when wrong: it may hold a password.
    static let url: TextForm = {
        var form = spelled(
            "url",
            "a URL",
            "^https?://[^/@\\s?#]+(/[^@\\s?#]*)?$",
            example: "https://registry.example.com",
            rule: "a URL begins with http:// or https:// and has no user, password, query or white space"
        ) { Characters.isBaseURL($0) }
        form.mayBeShown = false
        return form
    }()

    static let account = spelled(
        "account",
        "an account",
        "^[0-9a-f]{32}$",
        example: "0123456789abcdef0123456789abcdef",
        rule: "an account of IBM Cloud has 32 lower-case hex digits"
    ) { $0.utf8.count == 32 && $0.allSatisfy { ("0"..."9").contains($0) || ("a"..."f").contains($0) } }

    static let fileGlob = free("fileGlob", "a path or a pattern of paths", example: "specs/**")

    /// Read before any variable is known.
    static let includePattern = free("includePattern", "a path or a pattern of paths", example: "specs/**").literal

    static let apiVersion = spelled(
        "apiVersion",
        "a version of the spec",
        "^crplan/v1$",
        example: SpecVersion.current,
        rule: "it must be \(SpecVersion.current)"
    ) { $0 == SpecVersion.current }.literal

    /// Where `${name}` is just that.
    private var literal: TextForm {
        var form = self
        form.isExpanded = false
        return form
    }

    /// Any text that is not empty.
    static func free(_ id: String, _ expectation: String, example: String) -> TextForm {
        TextForm(id: id, expectation: expectation, pattern: nil, example: example) { $0.isEmpty ? "it may not be empty" : nil }
    }
}

/// The one version of the spec that this version reads.
enum SpecVersion {
    static let current = "crplan/v1"
}
