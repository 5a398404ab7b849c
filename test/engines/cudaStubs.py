"""Lets PyPI's CUDA build of torch import where no nvidia-* wheel is installed (2.7 GB saved).

torch's libraries name CUDA libraries as needed and refer to some of their symbols. For each such library a stub with
just these symbols is compiled into torch/lib, where the loader looks first. A stub that is ever called answers 100,
which is cudaErrorNoDevice.

    python cudaStubs.py SITE_PACKAGES/torch/lib
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

NVIDIA_LIBRARY = re.compile(r"lib(cu|nv|nccl)")
NVIDIA_SYMBOL = re.compile(r"(cu|nccl|nvshmem|nvrtc|cudnn|__cuda)")
SYSTEM_VERSION = re.compile(r"(GLIBC|GLIBCXX|CXXABI|GCC|GOMP|OMP|LIBNUMA)")
DRIVER = "libcuda.so.1"  # loaded by hand at run time, if at all
RUNTIME = "libcudart.so.13"  # takes the symbols that carry no version
SHMEM_VERSION = "NVSHMEM"  # the one version name that is not a library's name


def readelf(*arguments: str) -> list[str]:
    return subprocess.run(
        ["readelf", "-W", *arguments], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def needed_libraries(library: Path) -> set[str]:
    matches = (re.search(r"NEEDED.*\[(.*)\]", line) for line in readelf("-d", str(library)))
    return {match.group(1) for match in matches if match}


def symbols(library: Path):
    """Rows (name, version or None, is_weak, is_defined) of the dynamic symbol table."""
    for line in readelf("--dyn-syms", str(library)):
        fields = line.split()
        if len(fields) < 8 or not fields[0].rstrip(":").isdigit():
            continue
        name, _, version = fields[7].partition("@")
        yield name, version.lstrip("@") or None, fields[4] == "WEAK", fields[6] != "UND"


def source_of(names: set[str]) -> str:
    lines = ["static long room[64];"]
    for name in sorted(names):
        if name in ("cudaGetErrorString", "cudaGetErrorName"):
            lines.append(f'const char* {name}(void) {{ return "no CUDA: a stub for tests"; }}')
        elif name.startswith("__cudaRegisterFatBinary") and not name.endswith("End"):
            lines.append(f"void* {name}(void) {{ return room; }}")
        elif name.startswith("_Z"):
            lines.append(f"long {name}(void) {{ return 0; }}")
        else:
            lines.append(f"long {name}(void) {{ return 100; }}")
    return "\n".join(lines) + "\n"


def compile_stub(target: Path, versions: dict[str, set[str]], plain: set[str]) -> None:
    names = plain.union(*versions.values())
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "stub.c")
        source.write_text(source_of(names))
        command = ["gcc", "-shared", "-fPIC", "-O0", "-w", "-fno-builtin", f"-Wl,-soname,{target.name}"]
        if versions:
            script = Path(scratch, "stub.map")
            script.write_text(
                "".join(
                    f'"{version}" {{ global: {" ".join(f"{name};" for name in sorted(found))} }};\n'
                    for version, found in versions.items()
                )
            )
            command.append(f"-Wl,--version-script={script}")
        subprocess.run([*command, "-o", str(target), str(source)], check=True)


def main(folder: Path) -> None:
    libraries = sorted(folder.glob("*.so*"))
    present = {library.name for library in libraries}
    rows = [row for library in libraries for row in symbols(library)]
    defined = {name for name, _, _, is_defined in rows if is_defined}
    needed = set().union(*(needed_libraries(library) for library in libraries))
    missing = {n for n in needed if NVIDIA_LIBRARY.match(n)} - present - {DRIVER}

    by_version: dict[str, set[str]] = defaultdict(set)
    plain: set[str] = set()
    for name, version, is_weak, is_defined in rows:
        if is_defined or not name or name in defined:
            continue
        if version is None:
            if not is_weak and NVIDIA_SYMBOL.match(name):
                plain.add(name)
        elif not SYSTEM_VERSION.match(version):
            by_version[version].add(name)

    for library in sorted(missing):
        own = {
            version: found
            for version, found in by_version.items()
            if version == library or (version == SHMEM_VERSION and "nvshmem" in library)
        }
        compile_stub(folder / library, own, plain if library == RUNTIME else set())
    print(f"{len(missing)} stub libraries in {folder}")


main(Path(sys.argv[1]))
