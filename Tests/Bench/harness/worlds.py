# SPDX-License-Identifier: Apache-2.0
"""The two things a figure must be labelled with: the congestion control, and the OpenSSL our binary runs on."""

import ctypes
import os
import pathlib
import subprocess

from peers import PROJECT, PeerFailure

CLONE_NEWNET = 0x40000000
CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
VERSIONS = {"3.0": ("3.0",), "3.5": ("3.5",), "both": ("3.0", "3.5")}


def host_congestion():
    return CONGESTION.read_text().strip()


def enter_congestion(name):
    """Moves this process into a network namespace of its own where every socket starts with `name`.

    The namespace has no name and no mount: the kernel drops it with the last process inside, however that one ends.
    """
    if name in ("host", host_congestion()):
        return host_congestion()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise PeerFailure(f"no network namespace: {os.strerror(ctypes.get_errno())} (root is needed)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    CONGESTION.write_text(name)
    return host_congestion()


def root_folder(versions):
    """The Debian 13 root folder when one of the versions needs it; made on first use."""
    if "3.5" not in versions:
        return None
    made = subprocess.run([str(PROJECT / "scripts/trixie-root")], stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        raise PeerFailure("scripts/trixie-root failed")
    return made.stdout.strip()


def check_versions(versions):
    """A label is only worth something if the library is really that one."""
    if "3.0" in versions:
        _expect("3.0", ["openssl", "version"])
    if "3.5" in versions:
        root = root_folder(versions)
        libraries = list(pathlib.Path(root).glob("usr/lib/*/libcrypto.so.3"))
        if not libraries or b"OpenSSL 3.5" not in libraries[0].read_bytes():
            raise PeerFailure("the Debian 13 root folder has no OpenSSL 3.5")


def _expect(version, command):
    text = subprocess.run(command, capture_output=True, text=True).stdout
    if not text.startswith(f"OpenSSL {version}."):
        raise PeerFailure(f"this machine has {text.strip()}, not {version}: use --openssl 3.5")
