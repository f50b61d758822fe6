extension KeyTable {
    static let registry = MappingForm(
        id: "registry",
        title: "a registry",
        doc: "A registry and how to reach it.",
        keys: [
            Key("host", .text(.host), "Its host, with a port if it has one."),
            Key("path", .text(.path), "For kind layout: the folder that holds the repositories."),
            Key("kind", .choice(["oci", "icr", "layout"]), "Default: oci; icr for the hosts of IBM Cloud Container Registry."),
            Key("account", .text(.account), "ICR: the account's id."),
            Key("private", .boolean, "ICR: read and write content over the private host."),
            Key("plainHTTP", .boolean, "Connect without TLS."),
            Key("caFile", .text(.path), "A file with certificates to trust instead of the system's."),
            Key("clientCertificate", .mapping(clientCertificate), "A certificate to show."),
            Key("insecureSkipVerify", .boolean, "Accept any certificate."),
            Key("endpoint", ValueForm.text(.url).or(.mapping(endpoint)), "Where to connect, when it is not the host."),
            Key(
                "credentials",
                ValueForm.choice(["anonymous"], mayBeShown: false).or(.mapping(credentials)),
                "Default: docker's and podman's files and helpers."
            ),
            Key(
                "untag",
                .choice(["refuse", "placeholder"]),
                "Where the registry cannot delete a tag: refuse (default), or put it on a placeholder and delete that by digest."
            ),
            Key("limits", .mapping(registryLimits), "How hard the registry may be used."),
        ],
        rules: [.exactlyOne([["host"], ["path"]])]
    )

    private static let clientCertificate = MappingForm(
        id: "clientCertificate",
        title: "clientCertificate",
        doc: "A certificate to show, with its key.",
        keys: [
            Key("certFile", .text(.path), required: true, "The certificate, as PEM."),
            Key("keyFile", .text(.path), required: true, "Its private key, as PEM."),
        ]
    )

    private static let endpoint = MappingForm(
        id: "endpoint",
        title: "endpoint",
        doc: "Where to connect for each purpose.",
        keys: [
            Key("content", .text(.url), required: true, "For images."),
            Key("management", .text(.url), "ICR: for namespaces, retention and deletion."),
            Key("iam", .text(.url), "ICR: for IAM tokens."),
        ]
    )

    private static let credentials = MappingForm(
        id: "credentials",
        title: "credentials",
        doc: "Where the login comes from; never the login itself.",
        keys: [
            Key("usernameEnv", .text(.environmentName), "The environment variable that holds the user's name."),
            Key("passwordEnv", .text(.environmentName), "The environment variable that holds the password."),
            Key("apiKeyEnv", .text(.environmentName), "ICR: the environment variable that holds an IAM API key."),
            Key("apiKeyFile", .text(.path), "ICR: a file that holds an IAM API key."),
            Key("bearerTokenEnv", .text(.environmentName), "ICR: the environment variable that holds an IAM token."),
            Key("trustedProfile", .mapping(trustedProfile), "ICR: a trusted profile of a compute resource."),
        ],
        rules: [
            .exactlyOne([["usernameEnv", "passwordEnv"], ["apiKeyEnv"], ["apiKeyFile"], ["bearerTokenEnv"], ["trustedProfile"]])
        ]
    )

    private static let trustedProfile = MappingForm(
        id: "trustedProfile",
        title: "trustedProfile",
        doc: "A trusted profile of a compute resource.",
        keys: [
            Key(
                "idOrName",
                .text(.free("profile", "the id or name of a profile", example: "deployer")),
                required: true,
                "The profile's id or name."
            ),
            Key("tokenFile", .text(.path), required: true, "The file that holds the compute resource's token."),
        ]
    )

    private static let registryLimits = MappingForm(
        id: "registryLimits",
        title: "limits of a registry",
        doc: "How hard the registry may be used.",
        keys: [
            Key("connections", .integer(1...1000), "Requests under way at a time; default: 16."),
            Key("requestsPerSecond", .integer(1...100_000), "Requests of any kind that begin in a second; default: no limit."),
            Key(
                "pulls",
                .integer(1...1_000_000),
                "Manifests that one run reads, which Docker Hub counts as pulls; what is over is left for the next run. Default: no limit."
            ),
        ]
    )

    static let policy = MappingForm(
        id: "policy",
        title: "policy",
        doc: "What a plan may not do.",
        keys: [
            Key("protect", .list(.text(.referencePattern)), "Tags and digests that may not be moved, untagged or deleted."),
            Key("immutable", .list(.text(.referencePattern)), "Tags that may be created, never moved."),
            Key("limits", .mapping(policyLimits), "Bounds on one plan; other files than crplan.yaml may only lower them."),
            Key("owners", .list(.mapping(owner)), "Which files may declare what (in crplan.yaml alone)."),
            Key("inUse", .list(.mapping(inUse)), "Images that run somewhere: they may not be untagged or deleted."),
            Key("backup", .mapping(backup), "Where content is saved before it is changed (in crplan.yaml alone)."),
        ]
    )

    private static let policyLimits = MappingForm(
        id: "policyLimits",
        title: "limits of policy",
        doc: "Bounds on one plan.",
        keys: [
            Key("deletions", ValueForm.integer(0...1_000_000_000).or(.choice(["none"])), "Tags untagged and images deleted; default: 20."),
            Key(
                "repositoryShare",
                ValueForm.text(.percent).or(.choice(["none"])),
                "Share of a repository's tags that patterns may remove; default: 50%."
            ),
            Key("namespaceDeletions", ValueForm.integer(0...1_000_000_000).or(.choice(["none"])), "Namespaces deleted; default: 0."),
            Key("upload", ValueForm.text(.size).or(.choice(["none"])), "How much may be sent; default: none."),
            Key(
                "quota",
                .choice(["warn", "refuse"]),
                "ICR: when a plan may exceed the quota of an account; default: warn."
            ),
        ]
    )

    private static let owner = MappingForm(
        id: "owner",
        title: "an entry of owners",
        doc: "What some files may declare.",
        keys: [
            Key("files", .text(.fileGlob), required: true, "The files: a path from the workspace's folder, or a pattern."),
            Key("may", .list(.text(.referencePattern)), required: true, "What they may declare."),
        ]
    )

    private static let inUse = MappingForm(
        id: "inUse",
        title: "an entry of inUse",
        doc: "A list of images that run somewhere.",
        labels: ["file", "kubernetes"],
        keys: [
            Key("file", .text(.path), "A file with one reference a line; lines that begin with # are comments."),
            Key("kubernetes", .text(.path), "A file with what 'kubectl get … -o json' wrote."),
            Key("maxAge", .text(.duration), "While the list is older than this, nothing is untagged or deleted."),
        ],
        rules: [.exactlyOne([["file"], ["kubernetes"]])]
    )

    private static let backup = MappingForm(
        id: "backup",
        title: "backup",
        doc: "Where content is saved before it is changed.",
        keys: [
            Key("to", .text(.target), required: true, "A registry, or a path in it."),
            Key("before", .list(.choice(["move", "untag", "delete"]), atLeast: 1), required: true, "Before which changes."),
        ]
    )
}
