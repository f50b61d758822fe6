/// Every key of a spec, with the form of its value. Reading, "did you mean" and the JSON Schema are drawn from here alone.
enum KeyTable {
    static let root = MappingForm(
        id: "spec",
        title: "a spec",
        doc: "What container registries are to hold; crplan plans and makes the changes.",
        keys: [
            Key("apiVersion", .text(.apiVersion), required: true, "The version of the spec; always crplan/v1."),
            Key("workspace", .mapping(workspace), "Which files belong together (in crplan.yaml alone)."),
            Key("registries", .names(.alias, .mapping(registry)), "Registries by alias (in crplan.yaml alone)."),
            Key("groups", .names(.alias, groupMembers), "Several registries, or paths in them, under one name (in crplan.yaml alone)."),
            Key(
                "variables",
                .names(.variableName, .text(.variableValue)),
                "Values for ${name} in this file; in crplan.yaml for every file."
            ),
            Key("namespaces", .list(.mapping(namespace)), "Namespaces that are to exist."),
            Key("images", .list(.mapping(image)), "This content, under these tags."),
            Key("copies", .list(.mapping(copy)), "Many tags, kept in step with a source."),
            Key("moved", .list(.mapping(move)), "Repositories that have another place now."),
            Key("absent", .list(ValueForm.text(.absence).or(.mapping(absentMapping))), "What must not be there."),
            Key("prune", .list(.mapping(prune)), "What nobody declared, within a scope."),
            Key("policy", .mapping(policy), "What a plan may not do."),
        ]
    )

    static let workspace = MappingForm(
        id: "workspace",
        title: "workspace",
        doc: "Which files belong together.",
        keys: [
            Key(
                "include",
                .list(.text(.includePattern), atLeast: 1),
                "Patterns of the files below this folder; default: every YAML file outside hidden folders."
            )
        ]
    )

    private static let groupMembers = ValueForm.list(.text(.target), atLeast: 1)

    /// One repository or group, or a list.
    static let targets = ValueForm.text(.target).orList

    static let namespace = MappingForm(
        id: "namespace",
        title: "a namespace",
        doc: "A namespace that is to exist.",
        labels: ["name"],
        keys: [
            Key("name", .text(.namespace), required: true, "Its name: the first component of its repositories' paths."),
            Key(
                "registries",
                ValueForm.text(.registryName).orList,
                required: true,
                "The registries that are to have it: aliases, groups or hosts."
            ),
            Key("resourceGroup", .text(.free("resourceGroup", "a resource group", example: "default")), "ICR: the resource group's id."),
            Key(
                "retention",
                ValueForm.mapping(retention).or(.choice(["none"])),
                "ICR: the retention policy; none removes it; left out: not managed."
            ),
        ]
    )

    private static let retention = MappingForm(
        id: "retention",
        title: "retention",
        doc: "ICR's retention policy of a namespace.",
        keys: [
            Key("imagesPerRepository", .integer(1...100_000), "How many images each repository keeps."),
            Key("keepUntagged", .boolean, "Whether untagged images are kept."),
            Key("minimumAgeDays", .integer(0...36_500), "Images younger than this many days are kept."),
            Key("acceptChildLoss", .boolean, "Accept that retention may remove images that an index needs."),
        ],
        rules: [.atLeastOne(["imagesPerRepository", "keepUntagged", "minimumAgeDays"])]
    )

    private static let move = MappingForm(
        id: "move",
        title: "an entry of moved",
        doc: "Everything of 'from' is put into 'to', then 'from' is removed.",
        labels: ["from"],
        keys: [
            Key("from", .text(.target), required: true, "The repository that is given up."),
            Key("to", .text(.target), required: true, "The repository that takes its place."),
        ]
    )

    private static let absentMapping = MappingForm(
        id: "absentMapping",
        title: "an entry of absent",
        doc: "A whole repository or namespace that must not be there.",
        labels: ["repository", "namespace"],
        keys: [
            Key("repository", .text(.target), "The repository, with all its images."),
            Key("namespace", .text(.namespacePath), "ICR: the namespace, with all its images and its trash."),
        ],
        rules: [.exactlyOne([["repository"], ["namespace"]])]
    )

    private static let prune = MappingForm(
        id: "prune",
        title: "an entry of prune",
        doc: "Removes what nobody declared within a scope.",
        labels: ["repositories"],
        keys: [
            Key("repositories", ValueForm.text(.repositoryPattern).orList, required: true, "The scope: repositories or patterns of them."),
            Key("tags", .mapping(pruneTags), "What becomes of tags that no entry declares."),
            Key("untagged", .mapping(pruneUntagged), "What becomes of images that no tag, index or subject leads to."),
        ],
        rules: [.atLeastOne(["tags", "untagged"])]
    )

    private static let pruneTags = MappingForm(
        id: "pruneTags",
        title: "tags of prune",
        doc: "What becomes of tags that no entry declares.",
        keys: [
            Key("undeclared", .choice(["keep", "report", "untag", "delete"]), "What is done with them; default: keep."),
            Key("match", .list(.text(.tagGlob), atLeast: 1), "Only tags that match one of these patterns."),
            Key("keepNewest", .integer(0...1_000_000), "The latest by creation time stay, and undated ones."),
            Key("olderThan", .text(.duration), "Only tags whose image is older than this."),
        ]
    )

    private static let pruneUntagged = MappingForm(
        id: "pruneUntagged",
        title: "untagged of prune",
        doc: "What becomes of images that no tag, index or subject leads to.",
        keys: [
            Key("delete", .boolean, required: true, "Whether they are deleted."),
            Key("olderThan", .text(.duration), "Only images older than this; one day is the least."),
        ]
    )
}
