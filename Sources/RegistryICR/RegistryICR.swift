// IBM Cloud Container Registry: its management API and its logins, on top of `RegistryHTTP` for content (design, section 7; the
// reference of ICR, sections B to E).
