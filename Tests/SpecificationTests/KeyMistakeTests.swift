import Diagnostics
import Specification
import Testing

@Suite("Mistakes in keys and values")
struct KeyMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "unknown key",
            in: "imagez: []\n",
            [
                "2:1 unknown-key: 'imagez' is not a key of a spec | did you mean 'images'?"
            ]
        ),
        Mistake(
            "unknown key without a near one",
            in: "frobnicate: 1\n",
            [
                "2:1 unknown-key: 'frobnicate' is not a key of a spec | its keys are apiVersion, workspace, registries, groups, variables, namespaces, images, copies, moved, absent, prune, policy"
            ]
        ),
        Mistake(
            "a misspelt key that is required",
            in: "images: [{too: a/b, from: \"nginx:1\", tag: [a]}]\n",
            [
                "2:11 unknown-key: 'too' is not a key of an entry of images | did you mean 'to'?",
                "2:38 unknown-key: 'tag' is not a key of an entry of images | did you mean 'tags'?",
            ]
        ),
        Mistake(
            "a misspelt login",
            in: "registries: {x: {host: x.example.com, credentials: {usernameEnvv: U, passwordEnv: P}}}\n",
            [
                "2:53 unknown-key: 'usernameEnvv' is not a key of credentials | did you mean 'usernameEnv'?"
            ]
        ),
        Mistake(
            "an empty value among tags",
            in: "\(names)images:\n  - to: us/a/b\n    from: nginx:1\n    tags:\n      - \n      - a\n",
            [
                "8:8 null-value: 'tags' must be a tag; an empty value means nothing in YAML | give it a value, or take it out"
            ]
        ),
        Mistake(
            "unknown key in an entry",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1], platform: [linux/amd64]}]\n",
            [
                "4:49 unknown-key: 'platform' is not a key of an entry of images | did you mean 'platforms'?"
            ]
        ),
        Mistake(
            "missing keys",
            in: "images: [{tags: [a]}]\n",
            [
                "2:10 missing-key: an entry of images lacks 'from' | add 'from': where the content comes from",
                "2:10 missing-key: an entry of images lacks 'to' | add 'to': the repositories that get it: one or a list; a group stands for each member",
            ]
        ),
        Mistake(
            "a mapping for a list",
            in: "images: {}\n",
            [
                "2:9 wrong-type: 'images' must be a list, not a mapping"
            ]
        ),
        Mistake(
            "one value for a list",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: stable}]\n",
            [
                "4:44 wrong-type: 'tags' must be a list, not one value | write it as a list: [stable]"
            ]
        ),
        Mistake(
            "a word that is none of the choice",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [1], existing: moove}]\n",
            [
                "4:59 invalid-value: 'existing' must be 'move', 'keep' or 'refuse', not 'moove' | did you mean 'move'?"
            ]
        ),
        Mistake(
            "a number out of range",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: {newest: 0, semver: \"*\"}}]\n",
            [
                "4:52 invalid-value: 'newest' must be a whole number from 1 to 1000000, not '0'"
            ]
        ),
        Mistake(
            "quoted truth value",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: all, allowEmpty: \"yes\"}]\n",
            [
                "4:60 invalid-value: 'allowEmpty' must be true or false, not 'yes' | write true or false, without quotes"
            ]
        ),
        Mistake(
            "an empty list",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: []}]\n",
            [
                "4:44 empty-list: 'tags' needs at least one value | add one, or take the key out"
            ]
        ),
        Mistake(
            "nothing under a key",
            in: "images:\n",
            [
                "2:8 wrong-type: 'images' must be a list, not nothing | give it a value, or take the key out"
            ]
        ),
        Mistake(
            "a secret",
            in: "registries: {x: {host: x.example.com, credentials: {username: me, password: hunter2}}}\n",
            [
                "2:53 secret-in-spec: 'username' is not a key of credentials: secrets never stand in a spec | name the environment variable that holds it: credentials: {usernameEnv: …, passwordEnv: …}",
                "2:67 secret-in-spec: 'password' is not a key of credentials: secrets never stand in a spec | name the environment variable that holds it: credentials: {usernameEnv: …, passwordEnv: …}",
            ]
        ),
        Mistake(
            "a secret where a name belongs",
            in: "registries: {x: {host: x.example.com, credentials: {usernameEnv: U, passwordEnv: \"hunter 2\"}}}\n",
            [
                "2:82 invalid-value: 'passwordEnv': what stands here is not the name of an environment variable: the name of an environment variable has only letters, digits and '_' | an example is CRPLAN_PASSWORD"
            ]
        ),
        Mistake(
            "a secret instead of credentials",
            in: "registries: {x: {host: x.example.com, credentials: hunter2}}\n",
            [
                "2:52 invalid-value: 'credentials' must be 'anonymous' or a mapping, not what stands here"
            ]
        ),
        Mistake(
            "a password in an endpoint",
            in: "registries: {x: {host: x.example.com, endpoint: \"https://me:hunter2@x.example.com\"}}\n",
            [
                "2:49 invalid-value: 'endpoint': what stands here is not a URL: a URL begins with http:// or https:// and has no user, password, query or white space | an example is https://registry.example.com"
            ]
        ),
        Mistake(
            "half of credentials",
            in: "registries: {x: {host: x.example.com, credentials: {usernameEnv: U}}}\n",
            [
                "2:52 missing-key: credentials lacks 'passwordEnv' | 'usernameEnv' needs it beside it"
            ]
        ),
        Mistake(
            "two kinds of credentials",
            in: "registries: {x: {host: x.example.com, credentials: {usernameEnv: U, passwordEnv: P, apiKeyEnv: K}}}\n",
            [
                "2:85 conflicting-keys: credentials takes only one of 'usernameEnv' and 'apiKeyEnv' | take all but one out",
                "2:85 wrong-kind: 'credentials.apiKeyEnv' belongs to a registry of kind icr | take it out, or write 'kind: icr' if this is one",
            ]
        ),
        Mistake(
            "newest without semver or by",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: {newest: 3}}]\n",
            [
                "4:44 missing-key: 'newest' needs 'semver' or 'by' beside it"
            ]
        ),
        Mistake(
            "match and list",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: {match: [a*], list: [b]}}]\n",
            [
                "4:57 conflicting-keys: a selector of tags takes only one of 'match' and 'list' | take all but one out"
            ]
        ),
        Mistake(
            "an empty selector",
            in: "\(names)copies: [{from: us/a/b, to: de/a/b, tags: {}}]\n",
            [
                "4:43 missing-key: a selector of tags lacks 'match', 'list', 'semver', 'except' or 'newest'"
            ]
        ),
        Mistake(
            "tags beside an export",
            in: "\(names)images: [{to: {archive: a.tar}, from: us/a/b:1, tags: [x]}]\n",
            [
                "4:49 conflicting-keys: 'tags' does not go with a mapping under 'to' | take 'tags' out"
            ]
        ),
        Mistake(
            "no tags",
            in: "\(names)images: [{to: us/a/b, from: us/a/c:1}]\n",
            [
                "4:10 missing-key: an entry of images lacks 'tags'"
            ]
        ),
        Mistake(
            "bad quantities",
            in: "policy: {limits: {upload: 50 GiB, repositoryShare: 101%, deletions: -1}}\n",
            [
                "2:27 invalid-value: 'upload' must be a size or 'none', not '50 GiB'",
                "2:52 invalid-value: 'repositoryShare' must be a percentage or 'none', not '101%'",
                "2:69 invalid-value: 'deletions' must be a whole number from 0 to 1000000000 or 'none', not '-1'",
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}

@Suite("Mistakes in variables")
struct VariableMistakeTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "undefined",
            in: "variables: {release: \"1\"}\n\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${relaese}\"]}]\n",
            [
                "5:45 undefined-variable: variable 'relaese' is not defined | did you mean '${release}'?"
            ]
        ),
        Mistake(
            "undefined with no near one",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${x}\"]}]\n",
            [
                "4:45 undefined-variable: variable 'x' is not defined | define it under 'variables', or give --var x=VALUE"
            ]
        ),
        Mistake(
            "not closed",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${x\"]}]\n",
            [
                "4:45 invalid-variable: '${' is not closed by '}' | write ${name} for a variable, or $${ for the two characters themselves"
            ]
        ),
        Mistake(
            "no name",
            in: "\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${1 x}\"]}]\n",
            [
                "4:45 invalid-variable: '1 x' is not the name of a variable | write ${name} for a variable, or $${ for the two characters themselves"
            ]
        ),
        Mistake(
            "in a circle",
            in: "variables: {a: \"${b}\", b: \"${a}\"}\n\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${a}\"]}]\n",
            [
                "2:27 circular-variable: variable 'a' is defined by itself (a → b → a) | give one of them a value of its own"
            ]
        ),
        Mistake(
            "a value that is none",
            in: "variables: {a: ~, b: [1]}\n",
            [
                "2:16 null-value: 'a' must be text; a plain ~ means nothing in YAML | write \"~\" in quotes if the text itself is meant",
                "2:22 wrong-type: 'b' must be text, not a list",
            ]
        ),
        Mistake(
            "not a tag when put in",
            in: "variables: {a: \"x y\"}\n\(names)images: [{to: us/a/b, from: nginx:1, tags: [\"${a}\"]}]\n",
            [
                "5:45 invalid-value: 'tags': 'x y' is not a tag: a tag has only letters, digits, '_', '.' and '-' | an example is 1.4.2"
            ]
        ),
    ]

    @Test("are shown with their place, reason and help", arguments: mistakes)
    func isShown(_ mistake: Mistake) {
        #expect(read(spec(mistake.text)).linesWithHelp == mistake.expected)
    }
}
