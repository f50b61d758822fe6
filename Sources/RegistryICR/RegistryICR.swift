// The room of IBM's management API, on top of `RegistryHTTP` for content (design, section 7). Until it is furnished, a plan that uses a
// registry of kind icr is refused before any request.
