internal import OCI

/// Says of a refused content request what IBM's registry wants, in the terms of its documentation (reference of ICR, section C.6).
enum ContentProblem {
    /// `right`: what such a request needs. Errors of another registry, such as a copy's source, stay as they are.
    static func explained(_ error: RegistryError, in registry: RegistryID, _ right: ManagementProblem.Right) -> RegistryError {
        guard error.registry == registry, let help = help(error, registry, right) else { return error }
        var explained = error
        explained.help = help
        return explained
    }

    private static func help(_ error: RegistryError, _ registry: RegistryID, _ right: ManagementProblem.Right) -> String? {
        let words = error.reason.lowercased()
        if let help = quotaHelp(words, registry) { return help }
        switch error.code {
        case .denied:
            return "the login needs \(right), in the right account and region (\(registry)), and the namespace has to exist; "
                + "or log in again with 'ibmcloud cr login'"
        case .unauthorized: return "log in with 'ibmcloud cr login', or set IBMCLOUD_API_KEY"
        default: return nil
        }
    }

    /// What both APIs say of quotas and of the network.
    static func quotaHelp(_ words: String, _ registry: RegistryID) -> String? {
        if words.contains("private-only") { return "set 'private: true' for \(registry), or allow public access in the account" }
        if words.contains("storage quota") { return "delete images that are not needed, or raise the quota ('ibmcloud cr quota-set')" }
        if words.contains("traffic quota") {
            return "wait for the next month, raise the quota ('ibmcloud cr quota-set'), or set 'private: true' for \(registry): "
                + "only pulls over the public network count"
        }
        return nil
    }
}
