/// The example of a whole spec: every key with a value.
enum DesignExample {
    static let text = #"""
        # yaml-language-server: $schema=../../schemas/spec.schema.json
        apiVersion: crplan/v1
        workspace: {include: ["specs/**"]}                                         # crplan.yaml only

        registries:                       # alias → registry. An alias has no '.' and no ':' and is not 'localhost'
          us: {host: us.icr.io, account: 0123456789abcdef0123456789abcdef, credentials: {apiKeyEnv: IBMCLOUD_API_KEY}}
          de: {host: de.icr.io, private: true}                                     # content over private.de.icr.io
          jp: {host: jp.icr.io}
          lab:
            host: registry.lab.example:5000
            kind: oci                     # oci (default) | icr (implied for exactly the hosts of icr.md, section B) | layout
            plainHTTP: true               # or caFile, clientCertificate {certFile, keyFile}, insecureSkipVerify
            endpoint: http://127.0.0.1:5000          # where to connect; for icr also {content, management, iam}
            credentials: {usernameEnv: CRPLAN_LAB_USER, passwordEnv: CRPLAN_LAB_PASSWORD}   # or `anonymous`; default: docker's and podman's files and helpers
            untag: placeholder            # allow untagging by replacement where the registry cannot delete a tag (default: refuse)
            limits: {connections: 16, requestsPerSecond: 50, pulls: 150}
          disk: {kind: layout, path: ./mirror}

        groups: {regions: [us, de, jp], mirrors: [us/mirror, lab/dockerhub]}       # an alias, or an alias with a path prefix

        variables: {release: "1.4.2"}     # ${release} in any string value; seen in this file (in crplan.yaml: everywhere); $${ escapes

        namespaces:
          - name: payments
            registries: regions
            resourceGroup: "8a1b"           # ICR
            retention: {imagesPerRepository: 10, keepUntagged: true, minimumAgeDays: 7}   # ICR; `none` removes it; left out: not managed

        images:                           # this content, under these tags
          - to: regions/payments/api      # one target or a list
            from: docker.io/library/nginx:1.27.4          # full host or alias/…; tag, digest, or tag@digest (the digest decides)
            tags: ["${release}", stable]
            platforms: [linux/amd64, linux/arm64]         # default: everything, bytes untouched
            missing: keep                 # error (default) | keep: a source that is gone leaves the target as it is, with a note
            existing: move                # move (default) | keep | refuse: when the tag holds another digest
            referrers: true               # true (default) | onCopy | false: signatures, attestations, SBOMs are part of the desired state
          - {to: us/payments/web, from: {layout: ./dist/web}, tags: ["2.0"]}
          - {to: us/payments/job, from: {archive: ./dist/job.tar, image: "job:1"}, tags: ["1"]}   # docker save or OCI archive
          - {to: us/payments/cli, from: {build: {context: ./cli, file: Dockerfile, args: {V: "1"}}}, tags: ["3"]}
          - {to: us/payments/site, from: {files: {base: icr.io/x/nginx:1, copy: [{from: ./site, to: /usr/share/nginx/html}]}}, tags: ["7"]}
          - {to: {archive: ./out/api.tar, as: docker}, from: us/payments/api:1.4.2}

        copies:                           # many tags, kept in step; never removes unless it says `prune`
                                          # platforms, missing, existing and referrers as in `images`; allowEmpty: true beside tags
          - from: us/payments/api         # one repository; or a registry/namespace with `repositories`
            to: [de/payments/api, jp/payments/api, disk/payments/api]
            tags: {match: ["1.*"], semver: ">=1.4 <2", except: ["*-rc*"], newest: 5}     # or a plain list [1.4.1, 1.4.2], or `all`; required
            prune: untag                  # keep (default) | untag | delete: tags at the target that match, semver and except cover, that the selection at
                                          # the source (after `newest`) lacks, and that no entry declares
          - {from: docker.io, repositories: [library/nginx, grafana/grafana], to: mirrors, tags: {newest: 20, semver: "*"}}   # the path below `from` is kept

        moved: [{from: us/payments/old, to: us/payments/new}]   # everything of `from` is put into `to`, then `from` is removed

        absent:                           # what must not be there
          - us/payments/api:1.0.0         # untag; the image stays for its other tags
          - us/payments/api:pr-*          # a glob of tags
          - us/payments/api@sha256:abababababababababababababababababababababababababababababababab      # delete the image, and every tag on it
          - {repository: us/payments/legacy}
          - {namespace: us/old}

        prune:                            # what nobody declared, only inside the scope named here
          - repositories: regions/payments/**
            tags: {undeclared: untag, match: ["pr-*"], keepNewest: 20, olderThan: 30d}   # keep (default) | report | untag | delete
            untagged: {delete: true, olderThan: 1d}        # images that no tag, index or subject leads to; one day is the least grace

        policy:
          protect: ["regions/payments/api:prod-*"]         # may not be moved, untagged or deleted
          immutable: ["**:v*"]                              # may be created, never moved
          limits: {deletions: 20, repositoryShare: 50%, namespaceDeletions: 0, upload: 50GiB, quota: warn}   # these are the defaults but `upload`
          owners: [{files: "specs/payments/**", may: ["regions/payments/**"]}]
          inUse: [{file: in-use.txt, maxAge: 24h}, {kubernetes: workloads.json}]
          backup: {to: disk, before: [move, untag, delete]}
        """#
}
