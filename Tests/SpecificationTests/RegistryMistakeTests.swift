import Diagnostics
import Specification
import Testing

@Suite("Mistakes in registries, groups and namespaces")
struct RegistryMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "two aliases of one host",
            in: "registries: {a: {host: docker.io}, b: {host: registry-1.docker.io}}\n",
            [
                "2:36 duplicate-registry: 'b' and 'a' are both docker.io | keep one alias for each registry"
            ]
        ),
        Mistake(
            "a port that says nothing",
            in: "registries: {a: {host: x.example.com}, b: {host: \"X.example.com:443\"}}\n",
            [
                "2:40 duplicate-registry: 'b' and 'a' are both x.example.com | keep one alias for each registry"
            ]
        ),
        Mistake(
            "two aliases of one folder",
            in: "registries: {a: {kind: layout, path: ./m}, b: {kind: layout, path: ././m/}}\n",
            [
                "2:44 duplicate-registry: 'b' and 'a' are both ./m | keep one alias for each registry"
            ]
        ),
        Mistake(
            "bad aliases",
            in: "registries: {a.b: {host: x.example.com}, localhost: {host: y.example.com}}\n",
            [
                "2:14 invalid-name: 'a.b' is not an alias: an alias has only letters, digits, '_' and '-', and is not 'localhost'",
                "2:42 invalid-name: 'localhost' is not an alias: an alias has only letters, digits, '_' and '-', and is not 'localhost'",
            ]
        ),
        Mistake(
            "neither host nor path",
            in: "registries: {a: {kind: oci}}\n",
            [
                "2:17 missing-key: a registry lacks 'host' or 'path'"
            ]
        ),
        Mistake(
            "a path without its kind",
            in: "registries: {a: {path: ./m}}\n",
            [
                "2:24 missing-key: a registry with a path lacks 'kind: layout' | add 'kind: layout'"
            ]
        ),
        Mistake(
            "a layout with a host",
            in: "registries: {a: {kind: layout, host: x.example.com}}\n",
            [
                "2:24 conflicting-keys: a registry of kind layout has no host | give a path instead of a host"
            ]
        ),
        Mistake(
            "a layout with a login",
            in: "registries: {a: {kind: layout, path: ./m, credentials: anonymous}}\n",
            [
                "2:43 wrong-kind: 'credentials' does not belong to a registry of kind layout | take it out"
            ]
        ),
        Mistake(
            "keys of ICR",
            in:
                "registries: {a: {host: x.example.com, private: true, credentials: {apiKeyEnv: K}, endpoint: {content: \"https://x\", iam: \"https://y\"}}}\n",
            [
                "2:39 wrong-kind: 'private' belongs to a registry of kind icr | take it out, or write 'kind: icr' if this is one",
                "2:68 wrong-kind: 'credentials.apiKeyEnv' belongs to a registry of kind icr | take it out, or write 'kind: icr' if this is one",
                "2:116 wrong-kind: 'endpoint.iam' belongs to a registry of kind icr | take it out, or write 'kind: icr' if this is one",
            ]
        ),
        Mistake(
            "TLS and none",
            in: "registries: {a: {host: x.example.com, plainHTTP: true, caFile: ca.pem}}\n",
            [
                "2:56 conflicting-keys: 'caFile' concerns TLS, and 'plainHTTP: true' does without | take one of them out"
            ]
        ),
        Mistake(
            "plain HTTP by accident",
            in: "registries: {a: {host: x.example.com, endpoint: \"http://127.0.0.1\"}}\n",
            [
                "2:49 conflicting-keys: the endpoint is plain HTTP and the registry is not | write https://, or add 'plainHTTP: true'"
            ]
        ),
        Mistake(
            "a group in a group",
            in:
                "registries: {us: {host: us.example.com}, de: {host: de.example.com}, lab: {host: lab.example:5000}, disk: {kind: layout, path: ./m}}\ngroups: {regions: [us, de], all: [regions, lab], mirrors: [us/mirror, lab/dockerhub]}\n",
            [
                "3:35 nested-group: 'regions' is a group; a group holds registries | list its registries"
            ]
        ),
        Mistake(
            "a member twice",
            in: "registries: {a: {host: x.example.com}}\ngroups: {g: [a, x.example.com]}\n",
            [
                "3:17 duplicate-member: 'x.example.com' stands in the group twice | take one of them out"
            ]
        ),
        Mistake(
            "a group named as an alias",
            in: "registries: {a: {host: x.example.com}}\ngroups: {a: [a]}\n",
            [
                "3:10 duplicate-definition: 'a' is defined twice | take one of the definitions out"
            ]
        ),
        Mistake(
            "a mistake in a group is said once",
            in: "groups: {g: [nowhere]}\nimages: [{to: g/a/b, from: \"docker.io/a/b:1\", tags: [x]}]\n",
            [
                "2:14 unknown-registry: 'nowhere' is no alias, group or host | declare it under 'registries', or write a full host such as docker.io"
            ]
        ),
        Mistake(
            "a mistake in a registry is said once",
            in: "registries: {a: {host: \"x y\"}}\nimages: [{to: a/b, from: \"docker.io/a/b:1\", tags: [x]}]\n",
            [
                "2:24 invalid-value: 'host': 'x y' is not a host: a host name has letters, digits and '-' between single dots | an example is registry.example.com"
            ]
        ),
        Mistake(
            "a namespace twice",
            in: "\(names)namespaces: [{name: p, registries: regions}, {name: p, registries: us}]\n",
            [
                "4:53 duplicate-definition: namespace us.example.com/p is defined twice | take one of the definitions out"
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}

@Suite("Mistakes in policy")
struct PolicyMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "guards nothing",
            in:
                "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1]}]\npolicy: {protect: [\"lab/**\", \"us/zz/**:v*\", \"*/zz/x:1\", \"regions/a/*:v*\", \"**:v*\"]}\n",
            [
                "5:20 guards-nothing: 'lab/**' guards nothing: no entry names this registry or namespace | check the spelling; a guard is tested only on what entries touch",
                "5:30 guards-nothing: 'us/zz/**:v*' guards nothing: no entry names this registry or namespace | check the spelling; a guard is tested only on what entries touch",
                "5:45 guards-nothing: '*/zz/x:1' guards nothing: no entry names this registry or namespace | check the spelling; a guard is tested only on what entries touch",
            ]
        ),
        Mistake(
            "a registry alone",
            in: "\(names)policy: {protect: [us, \"us:v*\", \"*:v*\"]}\n",
            [
                "4:20 no-repository: 'us' names a registry, not a repository | write 'us/**' for all of it",
                "4:24 no-repository: 'us:v*' names a registry, not a repository | write 'us/**:v*' for all of it",
                "4:33 no-repository: '*:v*' names registries, not repositories | write '**:v*' for all of them",
            ]
        ),
        Mistake(
            "an unknown alias",
            in: "\(names)policy: {immutable: [\"uss/a/b:v*\"]}\n",
            [
                "4:22 unknown-registry: 'uss' is no alias, group or host | did you mean 'us'?"
            ]
        ),
        Mistake(
            "a bad pattern",
            in: "\(names)policy: {protect: [\"us/A*:v*\", \"us/a//*\", \"u*/a\"]}\n",
            [
                "4:20 invalid-reference: 'us/A*:v*' is not a valid pattern: a path has only a-z, 0-9, '.', '_', '-', '*' and single '/' between components",
                "4:32 invalid-reference: 'us/a//*' is not a valid pattern: a path has only a-z, 0-9, '.', '_', '-', '*' and single '/' between components",
                "4:43 unknown-registry: 'u*' is no alias, group or host | a pattern begins with one of these, or with '*' or '**'",
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}
