import Diagnostics
import Specification
import Testing

@Suite("Mistakes in references")
struct ReferenceMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "plain null as a tag",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [null, ~, ]}]\n",
            [
                "4:45 null-value: 'tags' must be a tag; a plain null means nothing in YAML | write \"null\" in quotes if the text itself is meant",
                "4:51 null-value: 'tags' must be a tag; a plain ~ means nothing in YAML | write \"~\" in quotes if the text itself is meant",
            ]
        ),
        Mistake(
            "bad tags",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [\".a\", \"a b\", \"a/b\"]}]\n",
            [
                "4:45 invalid-value: 'tags': '.a' is not a tag: a tag may not begin with '.' or '-' | an example is 1.4.2",
                "4:51 invalid-value: 'tags': 'a b' is not a tag: a tag has only letters, digits, '_', '.' and '-' | an example is 1.4.2",
                "4:58 invalid-value: 'tags': 'a/b' is not a tag: a tag has only letters, digits, '_', '.' and '-' | an example is 1.4.2",
            ]
        ),
        Mistake(
            "unknown alias",
            in: "\(names)images: [{to: uss/a/b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 unknown-registry: 'uss' is no alias, group or host | did you mean 'us'?"
            ]
        ),
        Mistake(
            "unknown alias with no near one",
            in: "\(names)images: [{to: somewhere/a/b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 unknown-registry: 'somewhere' is no alias, group or host | declare it under 'registries', or write a full host such as docker.io"
            ]
        ),
        Mistake(
            "a registry alone",
            in: "\(names)images: [{to: us, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 no-repository: 'us' names a registry, not a repository | add a path, such as 'us/library/nginx'"
            ]
        ),
        Mistake(
            "a tag in a target",
            in: "\(names)images: [{to: us/a/b:1, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'us/a/b:1' may not have a tag here | write 'us/a/b'; tags have a key of their own"
            ]
        ),
        Mistake(
            "a digest in a target",
            in: "\(names)images: [{to: us/a/b@sha256:aa, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'us/a/b@sha256:aa' may not have a digest here | write the repository alone"
            ]
        ),
        Mistake(
            "capitals",
            in: "\(names)images: [{to: us/A/b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'us/A/b' is not a repository: a repository must be lower case | write 'us/a/b'"
            ]
        ),
        Mistake(
            "two slashes",
            in: "\(names)images: [{to: us/a//b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'us/a//b' is not a repository: no component of a path may be empty"
            ]
        ),
        Mistake(
            "a port that is none",
            in: "\(names)images: [{to: lab.example:99999/a/b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'lab.example:99999' is not a host: a port is a number from 1 to 65535"
            ]
        ),
        Mistake(
            "a source without tag",
            in: "\(names)images: [{to: us/a/b, from: docker.io/library/nginx, tags: [1]}]\n",
            [
                "4:29 no-tag: 'docker.io/library/nginx' names neither a tag nor a digest | add one, such as 'docker.io/library/nginx:latest'"
            ]
        ),
        Mistake(
            "a bad digest",
            in: "\(names)images: [{to: us/a/b, from: us/a/b@sha256:12, tags: [1]}]\n",
            [
                "4:29 invalid-reference: 'us/a/b@sha256:12' is not a reference: a sha256 digest has 64 hex digits, not 2"
            ]
        ),
        Mistake(
            "a group as source",
            in: "\(names)images: [{to: us/a/b, from: regions/a/b:1, tags: [1]}]\n",
            [
                "4:29 group-as-source: 'regions' stands for 2 places; content comes from one | name one of its registries"
            ]
        ),
        Mistake(
            "a short name near an alias",
            in: "\(names)images: [{to: us/a/b, from: use/a:1, tags: [1]}]\n",
            [
                "4:29 ambiguous-name: 'use' may be Docker Hub's or a slip for 'us' | write 'docker.io/use/a' for Docker Hub's, or begin with 'us/'"
            ]
        ),
        Mistake(
            "a scheme",
            in: "\(names)images: [{to: us/a/b, from: \"https://us.example.com/a/b:1\", tags: [1]}]\n",
            [
                "4:29 invalid-reference: 'https://us.example.com/a/b:1' is not a reference: drop the scheme 'https://'"
            ]
        ),
        Mistake(
            "a private host",
            in: "\(names)images: [{to: private.us.icr.io/a/b, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 private-host: 'private.us.icr.io' is the private address of us.icr.io, not a registry of its own | write us.icr.io, and 'private: true' under registries"
            ]
        ),
        Mistake(
            "a layout has its own files",
            in: "\(names)images: [{to: disk/a/blobs, from: nginx:1, tags: [1]}]\n",
            [
                "4:15 invalid-reference: 'disk/a/blobs' is not possible in a layout: no component of a path may be 'blobs' there"
            ]
        ),
        Mistake(
            "a copy of one image",
            in: "\(names)copies: [{from: us/a/b:1, to: de/a/b, tags: all}]\n",
            [
                "4:17 invalid-reference: 'us/a/b:1' names one image; a copy has a repository | take tag and digest out; the tags stand in 'tags'"
            ]
        ),
        Mistake(
            "a copy of a registry",
            in: "\(names)copies: [{from: us, to: de/a/b, tags: all}]\n",
            [
                "4:17 no-repository: 'us' names a registry, not a repository | add a path, or list what is copied under 'repositories'"
            ]
        ),
        Mistake(
            "a repository that is none",
            in: "\(names)copies: [{from: us, to: de, tags: all, repositories: [a..b]}]\n",
            [
                "4:55 invalid-reference: 'a..b' is not a repository: between letters or digits stands one '.', one or two '_', or any run of '-'"
            ]
        ),
        Mistake(
            "a bad range",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: {semver: \">=one\"}}]\n",
            [
                "4:52 invalid-value: 'semver': '>=one' is not a version range: 'one' is not a version such as 1.4.2 or 1.4 | an example is >=1.4 <2"
            ]
        ),
        Mistake(
            "a bad platform",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1], platforms: [amd64]}]\n",
            [
                "4:61 invalid-value: 'platforms': 'amd64' is not a platform: a platform looks like linux/amd64 or linux/arm/v7 | an example is linux/amd64"
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}

@Suite("Mistakes in absent")
struct AbsentMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "neither tag nor digest",
            in: "\(names)absent: [us/a/b]\n",
            [
                "4:10 no-tag: 'us/a/b' names neither a tag nor a digest | write '{repository: us/a/b}' for the whole repository, or add a tag or digest"
            ]
        ),
        Mistake(
            "tag and digest",
            in: "\(names)absent: [\"us/a/b:1@sha256:abababababababababababababababababababababababababababababababab\"]\n",
            [
                "4:10 invalid-reference: 'us/a/b:1@sha256:abababababababababababababababababababababababababababababababab' has a tag and a digest | keep the tag to untag, or the digest to delete the image with every tag on it"
            ]
        ),
        Mistake(
            "a bad glob of tags",
            in: "\(names)absent: [\"us/a/b:a?\"]\n",
            [
                "4:10 invalid-reference: 'us/a/b:a?' is not a valid pattern: a tag has only letters, digits, '_', '.' and '-'"
            ]
        ),
        Mistake(
            "no registry",
            in: "\(names)absent: [\"**:old\"]\n",
            [
                "4:10 no-registry: '**:old' must begin with an alias, group or host: what is removed is named with its registry | make a group of the registries that are meant"
            ]
        ),
        Mistake(
            "an unknown alias",
            in: "\(names)absent: [\"dee/a/b:old\"]\n",
            [
                "4:10 unknown-registry: 'dee' is no alias, group or host | did you mean 'de'?"
            ]
        ),
        Mistake(
            "declared and absent",
            in: "\(names)images: [{to: regions/a/b, from: nginx:1, tags: [x, y]}]\nabsent: [\"de/a/b:y\"]\n",
            [
                "5:10 declared-and-absent: de.example.com/a/b:y is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "declared by its host and absent by its alias",
            in: "\(names)images: [{to: us.example.com:443/a/b, from: nginx:1, tags: [x]}]\nabsent: [\"us/a/b:x\"]\n",
            [
                "5:10 declared-and-absent: us.example.com/a/b:x is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "declared and absent digest",
            in:
                "\(names)images: [{to: us/a/b, from: \"us/a/c@sha256:abababababababababababababababababababababababababababababababab\", tags: [1]}]\nabsent: [\"us/a/b@sha256:abababababababababababababababababababababababababababababababab\"]\n",
            [
                "5:10 declared-and-absent: us.example.com/a/b@sha256:abababababababababababababababababababababababababababababababab is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "declared by a list of copies and absent",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: [1.0]}]\nabsent: [\"de/a/b:1.0\"]\n",
            [
                "5:10 declared-and-absent: de.example.com/a/b:1.0 is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "declared in an absent repository",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1]}]\nabsent: [{repository: us/a/b}]\n",
            [
                "5:23 declared-and-absent: us.example.com/a/b is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "declared in an absent namespace",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1]}]\nabsent: [{namespace: us/a}]\n",
            [
                "5:22 declared-and-absent: us.example.com/a is both declared and absent | take one of the two out"
            ]
        ),
        Mistake(
            "a namespace with a path",
            in: "\(names)absent: [{namespace: us/a/b}]\n",
            [
                "4:22 invalid-reference: 'us.example.com/a/b' is no namespace: that is the first component alone | write '{repository: us/a/b}' for a repository"
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}
