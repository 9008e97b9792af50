#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mints SPIFFE X.509 identities with the openssl command: P-256, empty subject, URI names only.

    authority = Authority(folder, trust_domain="cluster.local")
    identity = authority.leaf("client", namespace="a", account="sleep")
    identity.chain, identity.key, identity.roots     # paths: leaf + intermediate, PKCS#8 key, trusted roots

As a command it writes one folder per identity, the good ones and those a peer must refuse, and prints their paths:

    certs.py OUT [--trust-domain cluster.local] [--no-intermediate]
"""

import argparse
import datetime
import json
import pathlib
import subprocess
from dataclasses import asdict, dataclass

HOUR = 3600
DAY = 24 * HOUR

# `openssl ca` is used instead of `openssl x509 -req` because only it takes both ends of the validity in OpenSSL 3.0.
CONFIG = """
[ca]
default_ca = signer
[signer]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = anything
unique_subject = no
copy_extensions = none
email_in_dn = no
x509_extensions = {section}
[anything]
organizationName = optional
commonName = optional
[req]
distinguished_name = name
prompt = no
[name]
{name}
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
subjectAltName = URI:spiffe://{trust_domain}
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:spiffe://{trust_domain}
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
{alternative_names}
"""


@dataclass(frozen=True)
class Identity:
    """What one side of a tunnel is configured with. All three are PEM files."""

    uri: str
    chain: str
    key: str
    roots: str


class Authority:
    """A root, and below it (unless told otherwise) one intermediate that signs the leaves."""

    def __init__(self, folder, trust_domain="cluster.local", intermediate=True, name="root"):
        self.folder = pathlib.Path(folder).resolve()
        self.trust_domain = trust_domain
        self.name = name
        self.root_certificate, self.root_key = self._root()
        self.signer_certificate, self.signer_key = self.root_certificate, self.root_key
        self.intermediates = []
        if intermediate:
            self.signer_certificate, self.signer_key = self._intermediate()
            self.intermediates = [self.signer_certificate]

    def leaf(self, label, namespace="default", account="default", uris=None, dns=(), starts=-60, ends=DAY,
             trust_domain=None):
        """An identity in a folder of its own. `starts` and `ends` are seconds from now; `uris=[]` leaves the URI out."""
        domain = trust_domain or self.trust_domain
        if uris is None:
            uris = [f"spiffe://{domain}/ns/{namespace}/sa/{account}"]
        folder = self._fresh(label)
        alternatives = ["URI:" + uri for uri in uris] + ["DNS:" + name for name in dns]
        names = "subjectAltName = critical, " + ", ".join(alternatives) if alternatives else ""
        key = self._key(folder / "key.pem")
        certificate = folder / "certificate.pem"
        self._sign(folder, "leaf", key, certificate, starts, ends, alternative_names=names)
        chain = folder / "chain.pem"
        chain.write_text("".join(path.read_text() for path in [certificate, *self.intermediates]))
        roots = folder / "roots.pem"
        roots.write_text(self.root_certificate.read_text())
        # HAProxy wants key and chain in one file; every other peer takes them apart.
        (folder / "both.pem").write_text(chain.read_text() + key.read_text())
        return Identity(uris[0] if uris else "", str(chain), str(key), str(roots))

    def _root(self):
        folder = self._fresh(self.name)
        key = self._key(folder / "key.pem")
        certificate = folder / "certificate.pem"
        self._sign(folder, "root", key, certificate, -DAY, 30 * DAY, common_name=f"Skein test {self.name}", signed_by=None)
        return certificate, key

    def _intermediate(self):
        folder = self._fresh(self.name + "-intermediate")
        key = self._key(folder / "key.pem")
        certificate = folder / "certificate.pem"
        common_name = f"Skein test {self.name} intermediate"
        self._sign(folder, "intermediate", key, certificate, -DAY, 20 * DAY, common_name=common_name,
                   signed_by=(self.root_certificate, self.root_key))
        return certificate, key

    def _sign(self, folder, section, key, certificate, starts, ends, common_name="", alternative_names="", signed_by=()):
        """Signs with the given pair, with the authority's own signer (`()`), or with the key itself (`None`)."""
        config = folder / "openssl.cnf"
        name = f"commonName = {common_name}" if common_name else ""
        config.write_text(CONFIG.format(folder=folder, section=section, name=name, trust_domain=self.trust_domain,
                                        alternative_names=alternative_names))
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text(self._serial())
        request = folder / "request.pem"
        subject = f"/CN={common_name}" if common_name else "/"
        _openssl("req", "-new", "-config", config, "-key", key, "-subj", subject, "-out", request)
        if signed_by is None:
            signer = ["-selfsign", "-keyfile", key]
        else:
            signer_certificate, signer_key = signed_by or (self.signer_certificate, self.signer_key)
            signer = ["-cert", signer_certificate, "-keyfile", signer_key]
        _openssl("ca", "-batch", "-notext", "-config", config, *signer, "-in", request, "-out", certificate,
                 "-startdate", _moment(starts), "-enddate", _moment(ends))
        for scrap in folder.iterdir():
            if scrap not in (key, certificate):
                scrap.unlink()

    def _fresh(self, label):
        folder = self.folder / label
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        return folder

    def _key(self, path):
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        path.chmod(0o600)
        return path

    @staticmethod
    def _serial():
        return _openssl("rand", "-hex", "8")


def mint_all(out, trust_domain="cluster.local", intermediate=True):
    """The identities interop tests use: name -> Identity. From `expired` on they are to be refused (with the roots of `client`)."""
    out = pathlib.Path(out)
    good = Authority(out, trust_domain, intermediate)
    stranger = Authority(out, trust_domain, intermediate, name="other-root")
    uri = f"spiffe://{trust_domain}/ns/b/sa/server"
    return {
        "client": good.leaf("client", "a", "client"),
        "server": good.leaf("server", "b", "server"),
        # Only for peers that insist on a host name (nginx checks one whenever it verifies a server).
        "server-dns": good.leaf("server-dns", "b", "server", dns=["server.test"]),
        "expired": good.leaf("expired", "b", "server", starts=-2 * HOUR, ends=-HOUR),
        "not-yet-valid": good.leaf("not-yet-valid", "b", "server", starts=HOUR, ends=2 * HOUR),
        "no-uri": good.leaf("no-uri", uris=[]),
        "two-uris": good.leaf("two-uris", uris=[uri, f"spiffe://{trust_domain}/ns/a/sa/client"]),
        "not-spiffe": good.leaf("not-spiffe", uris=["https://example.com/ns/b/sa/server"]),
        "other-domain": good.leaf("other-domain", "b", "server", trust_domain="other.example"),
        "other-root": stranger.leaf("other-root-leaf", "b", "server"),
    }


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _moment(seconds_from_now):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.strftime("%Y%m%d%H%M%SZ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--trust-domain", default="cluster.local")
    parser.add_argument("--no-intermediate", action="store_true")
    options = parser.parse_args()
    identities = mint_all(options.out, options.trust_domain, not options.no_intermediate)
    print(json.dumps({name: asdict(identity) for name, identity in identities.items()}, indent=2))


if __name__ == "__main__":
    main()
