"""What the tools work on: images, written straight into docker-registry's storage or into image layouts."""

import gzip
import hashlib
import io
import json
import os
import random
import tarfile

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Blob:
    """Bytes with their digest and media type."""

    def __init__(self, media_type, content):
        self.media_type = media_type
        self.content = content
        self.digest = digest_of(content)

    @property
    def descriptor(self):
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


class Layer(Blob):
    """A tar archive in a gzip stream, with one file of `size` random bytes. The same seed gives the same bytes."""

    def __init__(self, seed, size):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(f"data/{seed}")
            entry.size = size
            tar.addfile(entry, io.BytesIO(random.Random(seed).randbytes(size)))
        tar_bytes = archive.getbuffer()
        # Random bytes do not compress: large files are only wrapped, which is quick.
        level = 0 if size > 65536 else 6
        super().__init__(LAYER_TYPE, gzip.compress(tar_bytes, compresslevel=level, mtime=0))
        self.diff_id = digest_of(tar_bytes)


class Image:
    """A manifest, its config and its layers."""

    def __init__(self, name, layers):
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": {"Labels": {"name": name}},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        self.config = Blob(CONFIG_TYPE, json.dumps(config).encode())
        self.layers = layers
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.config.descriptor,
            "layers": [layer.descriptor for layer in layers],
        }
        self.manifest = Blob(MANIFEST_TYPE, json.dumps(manifest).encode())

    @property
    def digest(self):
        return self.manifest.digest

    @property
    def blobs(self):
        return [self.config, *self.layers]


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, (bytes, bytearray, memoryview)) else content.encode())


class Storage:
    """The folder in which a docker-registry keeps its content."""

    def __init__(self, folder):
        self.root = os.path.join(folder, "docker/registry/v2")

    def put(self, image, repository, tag, blobs=True):
        """As the registry itself would after a push; takes effect at once. Without blobs, tags and manifests can be read all the same."""
        home = f"{self.root}/repositories/{repository}"
        contained = image.blobs if blobs else []
        for blob in [image.manifest, *contained]:
            path = self.blob_path(blob.digest)
            if not os.path.exists(path):
                write(path, blob.content)
        for blob in contained:
            self.link(blob.digest, f"{home}/_layers/sha256/{blob.digest[7:]}")
        self.link(image.digest, f"{home}/_manifests/revisions/sha256/{image.digest[7:]}")
        self.link(image.digest, f"{home}/_manifests/tags/{tag}/current")

    def blob_path(self, digest):
        return f"{self.root}/blobs/sha256/{digest[7:9]}/{digest[7:]}/data"

    def tag_path(self, repository, tag):
        return f"{self.root}/repositories/{repository}/_manifests/tags/{tag}/current/link"

    def tag(self, repository, tag):
        """The digest under a tag; nothing when there is no such tag."""
        try:
            with open(self.tag_path(repository, tag), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return None

    @staticmethod
    def link(digest, folder):
        write(f"{folder}/link", digest)


def http_answer(media_type, body, digest=None):
    """Header and body of a 200."""
    lines = ["HTTP/1.1 200 OK", "Docker-Distribution-Api-Version: registry/2.0", f"Content-Type: {media_type}"]
    lines += [f"Content-Length: {len(body)}"] + ([f"Docker-Content-Digest: {digest}"] if digest else [])
    return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


class ImageSet:
    """Images under (repository, tag)."""

    def __init__(self):
        self.images = {}

    @property
    def repositories(self):
        return sorted({repository for repository, _ in self.images})

    def store(self, folder, blobs=True):
        storage = Storage(folder)
        for (repository, tag), image in self.images.items():
            storage.put(image, repository, tag, blobs)

    def write_answers(self, path):
        """All that a registry answers to who only looks at tags and manifests, for fast_registry."""
        answers = {"/v2/": http_answer("application/json", b"{}")}
        for repository in self.repositories:
            tags = sorted(tag for name, tag in self.images if name == repository)
            listed = json.dumps({"name": repository, "tags": tags}).encode()
            answers[f"/v2/{repository}/tags/list"] = http_answer("application/json", listed)
        for (repository, tag), image in self.images.items():
            found = http_answer(MANIFEST_TYPE, image.manifest.content, image.digest)
            answers[f"/v2/{repository}/manifests/{tag}"] = answers[f"/v2/{repository}/manifests/{image.digest}"] = found
        with open(path, "wb") as file:
            for name, (header, body) in sorted(answers.items()):
                file.write(f"{name} {len(header)} {len(body)}\n".encode() + header + body + b"\n")

    def missing_from(self, folder):
        """The first tag that does not hold its image; nothing when all is there."""
        storage = Storage(folder)
        for (repository, tag), image in self.images.items():
            if storage.tag(repository, tag) != image.digest:
                return f"{repository}:{tag}"
        return None


def many_images(repositories, tags, shared_layers=(), size=1024):
    """`tags` images in each repository, each with two layers of its own, or with the shared layers and one of its own."""
    images = ImageSet()
    for i in range(repositories):
        repository = f"bench/app-{i:03}"
        for j in range(tags):
            name = f"{i}-{j}"
            own = [Layer(f"{name}-a", size)] if shared_layers else [Layer(f"{name}-a", size), Layer(f"{name}-b", size)]
            images.images[repository, f"1.0.{j}"] = Image(name, [*shared_layers, *own])
    return images


def large_image(layers, size):
    images = ImageSet()
    images.images["bench/large", "1.0.0"] = Image("large", [Layer(f"large-{i}", size) for i in range(layers)])
    return images


def write_layouts(folder, repositories, tags):
    """Image layouts with `tags` manifests each. No tool of these rows reads layers, so there are none."""
    for i in range(repositories):
        home = f"{folder}/bench/app-{i:03}"
        write(f"{home}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        os.makedirs(f"{home}/blobs/sha256")
        entries = []
        for j in range(tags):
            image = Image(f"{i}-{j}", [])
            for blob in [image.manifest, image.config]:
                with open(f"{home}/blobs/sha256/{blob.digest[7:]}", "wb") as file:
                    file.write(blob.content)
            entries.append({**image.manifest.descriptor, "annotations": {"org.opencontainers.image.ref.name": f"1.0.{j}"}})
        write(f"{home}/index.json", json.dumps({"schemaVersion": 2, "manifests": entries}))
