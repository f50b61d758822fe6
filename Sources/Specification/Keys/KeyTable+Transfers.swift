extension KeyTable {
    static let image = MappingForm(
        id: "image",
        title: "an entry of images",
        doc: "This content, under these tags.",
        labels: ["to"],
        keys: [
            Key(
                "to",
                targets.or(.mapping(export)),
                required: true,
                "The repositories that get it: one or a list; a group stands for each member."
            ),
            Key("from", ValueForm.text(.source).or(.mapping(localSource)), required: true, "Where the content comes from."),
            Key("tags", .list(.text(.tag), atLeast: 1), "The tags that are to show this content."),
        ] + transferKeys,
        rules: [.requiredUnlessMapping("tags", other: "to")]
    )

    /// What `images` and `copies` share.
    private static let transferKeys = [
        Key("platforms", .list(.text(.platform), atLeast: 1), "Only these platforms; default: everything, bytes untouched."),
        Key("missing", .choice(["error", "keep"]), "When the source is gone: error (default), or keep the target as it is."),
        Key("existing", .choice(["move", "keep", "refuse"]), "When a tag holds another digest: move it (default), keep it, or refuse."),
        Key("referrers", .choice(["true", "onCopy", "false"]), "Whether signatures, attestations and SBOMs belong to it; default: true."),
    ]

    private static let localSource = MappingForm(
        id: "localSource",
        title: "from",
        doc: "Content that is not in a registry.",
        keys: [
            Key("layout", .text(.path), "A folder that is an OCI image layout."),
            Key("archive", .text(.path), "A file made by 'docker save', or an OCI archive."),
            Key("image", .text(.imageName), "Which image of the layout or archive, when it holds several."),
            Key("build", .mapping(build), since: .later, "An image that is built from a Dockerfile."),
            Key("files", .mapping(files), since: .later, "A base image with files added."),
        ],
        rules: [
            .exactlyOne([["layout"], ["archive"], ["build"], ["files"]]),
            .needs("image", anyOf: ["layout", "archive"]),
        ]
    )

    private static let build = MappingForm(
        id: "build",
        title: "build",
        doc: "An image that is built.",
        keys: [
            Key("context", .text(.path), required: true, "The folder the build sees."),
            Key("file", .text(.path), "The Dockerfile, from the context; default: Dockerfile."),
            Key("args", .names(.environmentName, .text(.argument)), "Build arguments; never secrets."),
        ]
    )

    private static let files = MappingForm(
        id: "files",
        title: "files",
        doc: "A base image with files added as one layer.",
        keys: [
            Key("base", .text(.source), required: true, "The image to start from."),
            Key("copy", .list(.mapping(fileCopy), atLeast: 1), required: true, "What is added."),
        ]
    )

    private static let fileCopy = MappingForm(
        id: "fileCopy",
        title: "an entry of copy",
        doc: "A file or folder that is added.",
        keys: [
            Key("from", .text(.path), required: true, "The file or folder here."),
            Key("to", .text(.path), required: true, "Its place in the image."),
        ]
    )

    private static let export = MappingForm(
        id: "export",
        title: "to",
        doc: "A place outside registries.",
        labels: ["archive", "docker"],
        keys: [
            Key("archive", .text(.path), since: .later, "An archive file to write."),
            Key("as", .choice(["docker", "oci"]), "The archive's format."),
            Key("docker", .text(.imageName), since: .later, "An image name in the local Docker engine."),
        ],
        rules: [.exactlyOne([["archive"], ["docker"]]), .needs("as", anyOf: ["archive"])]
    )

    static let copy = MappingForm(
        id: "copy",
        title: "an entry of copies",
        doc: "Many tags, kept in step; removes nothing unless it says prune.",
        labels: ["from"],
        keys: [
            Key("from", .text(.sourceRepository), required: true, "One repository; or a registry or path, with 'repositories'."),
            Key(
                "repositories",
                .list(.text(.repositoryGlob), atLeast: 1),
                "Repositories below 'from', or patterns of them; the path below 'from' is kept."
            ),
            Key("to", targets, required: true, "Where to: repositories, or with 'repositories' the places they are put below."),
            Key(
                "tags",
                ValueForm.choice(["all"]).or(.list(.text(.tag), atLeast: 1)).or(.mapping(selector)),
                required: true,
                "Which tags: all, a list, or a selector."
            ),
            Key("allowEmpty", .boolean, "Whether 'tags' may select nothing; default: false."),
            Key(
                "prune",
                .choice(["keep", "untag", "delete"]),
                "What becomes of tags at the target that the selection at the source lacks; default: keep."
            ),
        ] + transferKeys
    )

    private static let selector = MappingForm(
        id: "selector",
        title: "a selector of tags",
        doc: "(match or list) and semver, without except; then newest.",
        keys: [
            Key("match", .list(.text(.tagGlob), atLeast: 1), "Tags that match one of these patterns."),
            Key("list", .list(.text(.tag), atLeast: 1), "Exactly these tags."),
            Key("semver", .text(.versionRange), "Tags that are versions in this range."),
            Key("except", .list(.text(.tagGlob), atLeast: 1), "But not tags that match one of these patterns."),
            Key(
                "newest",
                .integer(1...1_000_000),
                "Of these the newest N: by version with semver, or by creation time with 'by: created'."
            ),
            Key("by", .choice(["version", "created"]), "What newest goes by."),
        ],
        rules: [
            .atLeastOne(["match", "list", "semver", "except", "newest"]),
            .atMostOne(["match", "list"]),
            .needs("newest", anyOf: ["semver", "by"]),
            .needs("by", anyOf: ["newest"]),
        ]
    )
}
