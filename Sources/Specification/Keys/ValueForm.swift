/// What a value of the spec may look like: the shapes it may have, and for each shape what stands inside.
/// Reading, suggestions and the JSON Schema all follow from it.
struct ValueForm: Sendable {
    var scalars: [ScalarForm] = []
    var list: ListForm?
    var mapping: MappingShape?

    static func text(_ form: TextForm) -> ValueForm { ValueForm(scalars: [.text(form)]) }

    static var boolean: ValueForm { ValueForm(scalars: [.boolean]) }

    static func integer(_ range: ClosedRange<Int>) -> ValueForm { ValueForm(scalars: [.integer(range)]) }

    /// One of some words; those in `later` are accepted and not acted on yet. `mayBeShown`: see `TextForm`.
    static func choice(_ values: [String], later: Set<String> = [], mayBeShown: Bool = true) -> ValueForm {
        ValueForm(scalars: [.choice(ChoiceForm(values: values, later: later, mayBeShown: mayBeShown))])
    }

    static func list(_ item: ValueForm, atLeast: Int = 0) -> ValueForm { ValueForm(list: .items(item, atLeast: atLeast)) }

    static func mapping(_ form: MappingForm) -> ValueForm { ValueForm(mapping: .keys(form)) }

    static func names(_ name: TextForm, _ value: ValueForm) -> ValueForm { ValueForm(mapping: .names(name, value)) }

    /// This, or a list of at least one of it.
    var orList: ValueForm { or(.list(self, atLeast: 1)) }

    func or(_ other: ValueForm) -> ValueForm {
        ValueForm(scalars: scalars + other.scalars, list: list ?? other.list, mapping: mapping ?? other.mapping)
    }
}

indirect enum ListForm: Sendable {
    case items(ValueForm, atLeast: Int)
}

indirect enum MappingShape: Sendable {
    /// Fixed keys.
    case keys(MappingForm)
    /// Names of the user's choice, all with values of one form.
    case names(TextForm, ValueForm)
}

enum ScalarForm: Sendable {
    case text(TextForm)
    case boolean
    case integer(ClosedRange<Int>)
    case choice(ChoiceForm)
}

struct ChoiceForm: Sendable {
    var values: [String]
    var later: Set<String>
    var mayBeShown: Bool
}

/// Text with rules of its own, such as a tag or a path.
struct TextForm: Sendable {
    /// Its name among the schema's definitions.
    var id: String
    /// With its article, as in "must be a tag".
    var expectation: String
    /// A regular expression that both ECMAScript and Python read; `nil`: any text that is not empty.
    var pattern: String?
    var example: String
    /// Whether a wrong value may be repeated in a message; a value that may be a secret by mistake is not.
    var mayBeShown = true
    /// Whether `${name}` stands for a variable here.
    var isExpanded = true
    /// Why a text is not valid, as a clause after "is not a valid tag: "; `nil`: it is valid.
    var problem: @Sendable (String) -> String?
}

enum Availability: Sendable {
    case now
    /// Accepted by `validate`, refused by `plan`.
    case later
}

/// One key of a mapping.
struct Key: Sendable {
    var name: String
    var form: ValueForm
    var isRequired: Bool
    var doc: String
    var since: Availability

    init(_ name: String, _ form: ValueForm, required: Bool = false, since: Availability = .now, _ doc: String) {
        self.name = name
        self.form = form
        self.isRequired = required
        self.doc = doc
        self.since = since
    }
}

/// What holds between the keys of one mapping.
enum KeyRule: Sendable {
    /// The keys of exactly one of these sets, all of that set.
    case exactlyOne([[String]])
    case atLeastOne([String])
    case atMostOne([String])
    /// Where the first stands, one of the others must stand too.
    case needs(String, anyOf: [String])
    /// The first is required, unless the second is a mapping: then it may not stand.
    case requiredUnlessMapping(String, other: String)
}

/// A mapping with fixed keys.
struct MappingForm: Sendable {
    /// Its name among the schema's definitions.
    var id: String
    /// With its article, as in "'tagz' is not a key of an image".
    var title: String
    var doc: String
    /// The keys of which the first that stands names an entry in messages.
    var labels: [String] = []
    /// The list it is an entry of, when that whole list is not acted on yet.
    var laterEntryOf: String?
    var keys: [Key]
    var rules: [KeyRule] = []

    func key(_ name: String) -> Key? { keys.first { $0.name == name } }
}
